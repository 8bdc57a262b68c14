"""What the environment says about the way to the provider: proxies and certificates."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx

from ledger.calls import route
from ledger.doctor.findings import Finding, Patient

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_NO_CHECK = ("PYTHONHTTPSVERIFY",)


def proxies(patient: Patient) -> Iterator[Finding]:
    """Which proxy the calls take; its password stays unsaid."""
    url = httpx.URL(patient.desk.base_url(patient.desk.rules()))
    try:
        found = route.proxy_for(url)
    except (ValueError, httpx.InvalidURL) as error:
        says = f"The proxy variables name no proxy: {error}"
        yield Finding("proxies", "fail", says, "Set HTTPS_PROXY to http://host:port, or unset it.")
        return
    if found is None:
        yield Finding("proxies", "ok", f"None on the way to {url.host}.")
    else:
        where = f"{found.url.scheme}://{found.url.host}:{found.url.port or ''}".rstrip(":")
        says = f"Calls go through {where}, which the environment names."
        yield Finding("proxies", "ok", says, f"Add {url.host} to NO_PROXY if they should not.")


def certificates(_patient: Patient) -> Iterator[Finding]:
    """Which certificates are trusted beside the usual ones. Checking them can't be switched off."""
    said = {name: os.environ[name] for name in _CERTIFICATES if os.environ.get(name)}
    for name, value in said.items():
        if Path(value).exists():
            yield Finding("certificates", "ok", f"{name} names those that are trusted: {value}")
        else:
            says = f"{name} names {value}, which is not there."
            yield Finding("certificates", "fail", says, f"Correct {name}, or unset it.")
    ignored = [name for name in (*_OF_OTHERS, *_NO_CHECK) if os.environ.get(name)]
    if ignored and not said:
        says = f"{', '.join(ignored)} says nothing to the ledger."
        yield Finding("certificates", "warn", says, "Name own certificates in SSL_CERT_FILE.")
    if not said and not ignored:
        yield Finding("certificates", "ok", "The usual ones are trusted; they are always checked.")
