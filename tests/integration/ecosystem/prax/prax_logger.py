"""The ecosystem's logger, as a function and with methods; it can sum up its own log."""

from pathlib import Path

from ledger import caller_config, get_response

LOG_FILE = Path(__file__).parents[1] / "system_logs" / "system.log"


class SystemLogger:
    def __call__(self, text: str) -> None:
        self.info(text)

    def info(self, text: str) -> None:
        self._write("INFO", text)

    def warning(self, text: str) -> None:
        self._write("WARNING", text)

    def error(self, text: str) -> None:
        self._write("ERROR", text)

    def _write(self, level: str, text: str) -> None:
        LOG_FILE.parent.mkdir(exist_ok=True)
        with LOG_FILE.open("a", encoding="utf-8") as file:
            file.write(f"{level} {text}\n")


system_logger = SystemLogger()


if __name__ == "__main__":
    system_logger("prax_logger: summing up")
    lines = LOG_FILE.read_text("utf-8").splitlines()[-20:]
    print(get_response("\n".join(lines), model=caller_config().ai_model))
