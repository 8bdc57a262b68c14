"""Text that others wrote, made harmless: no name moves a cursor, hides a line or forges one."""


def harmless(text: str) -> str:
    r"""The text with every control, format and bidirectional character written out, as `\x1b`.

    Also lone surrogates and line separators: what is left is one line that any terminal can show.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def harmless_lines(text: str) -> str:
    """As `harmless`, but line breaks and tabs stay: for answers, which have lines."""
    return "\n".join(
        "\t".join(harmless(cell) for cell in line.split("\t")) for line in text.split("\n")
    )


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
