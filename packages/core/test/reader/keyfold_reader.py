"""A second reader of the Keyfold envelope, format v1.

It is written from docs/format.md alone and shares no code with the library, so that a vector which passes in both shows that the page
says enough. "Step n" is row n of the table in the section "Reading". It opens with local KEKs only. Streams are read by keyfold_stream_reader.py.

Usage: keyfold_reader.py VECTORS.json      (needs Python 3.11 and the package `cryptography`)
"""

import base64
import hashlib
import hmac
import json
import re
import sys
from typing import Callable, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

MAGIC, VERSION, SUITE, FLAGS = b'KF', 1, 1, 0
MAX_ENTRIES, MAX_WRAPPED, MAX_CIPHERTEXT = 16, 6144, 2**30
MAX_PAIRS, MAX_KEY, MAX_VALUE = 64, 255, 65535

NOT_SEALED, VERSION_UNKNOWN = 'ERR_NOT_SEALED', 'ERR_ENVELOPE_VERSION'
MALFORMED, LIMIT = 'ERR_ENVELOPE_MALFORMED', 'ERR_LIMIT'
NOT_AUTHENTIC = 'ERR_NOT_AUTHENTIC'


class Refused(Exception):
    """The input ends with one of the page's error codes."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


def require(holds: bool, code: str) -> None:
    if not holds:
        raise Refused(code)


class Entry(NamedTuple):
    key_id: bytes
    material_id: bytes
    wrapped: bytes


class Envelope(NamedTuple):
    entries: tuple[Entry, ...]
    commitment: bytes
    ciphertext: bytes
    tag: bytes

    def encode(self) -> bytes:
        slots = b''.join(e.key_id + e.material_id for e in self.entries)
        wrapped = b''.join(len(e.wrapped).to_bytes(2, 'big') + e.wrapped for e in self.entries)
        body = self.commitment + len(self.ciphertext).to_bytes(4, 'big') + self.ciphertext + self.tag
        return MAGIC + bytes([VERSION, SUITE, FLAGS, len(self.entries)]) + slots + wrapped + body


class Cursor:
    """Hands out bytes from front to back; what is not there is refused and never read as shorter."""

    def __init__(self, data: bytes, at: int):
        self.data, self.at = data, at

    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, length: int) -> bytes:
        require(length <= self.left(), MALFORMED)
        self.at += length
        return self.data[self.at - length : self.at]


def to_text(envelope: bytes) -> str:
    return 'kf1.' + base64.urlsafe_b64encode(envelope).decode('ascii').rstrip('=')


def from_text(text: str) -> bytes:
    prefix = re.match(r'kf([1-9][0-9]?)\.', text)  # step 1; not \d, which takes the digits of every script
    require(prefix is not None, NOT_SEALED)
    require(prefix[1] == '1', VERSION_UNKNOWN)  # step 2
    rest = text[prefix.end() :]
    # Step 3. No byte string has a length of 4n + 1 characters, though the last one's unused bits may be zero.
    require(re.fullmatch(r'[A-Za-z0-9_-]*', rest) is not None and len(rest) % 4 != 1, MALFORMED)
    data = base64.urlsafe_b64decode(rest + '=' * (-len(rest) % 4))
    # The decoder ignores unused bits, so a second encoding is the only witness that they were zero.
    require(to_text(data) == text, MALFORMED)
    return data


def parse(envelope: bytes | str) -> Envelope:
    """Steps 1 to 15: all that can be seen without a key."""
    is_text = isinstance(envelope, str)
    entries, rest = parse_header(from_text(envelope) if is_text else bytes(envelope), SUITE, is_text)
    require(rest.left() >= 32 + 4 + 16, MALFORMED)  # step 13
    commitment, length = rest.take(32), int.from_bytes(rest.take(4), 'big')
    require(length <= MAX_CIPHERTEXT, LIMIT)  # step 14
    require(rest.left() == length + 16, MALFORMED)  # step 15
    return Envelope(entries, commitment, rest.take(length), rest.take(16))


def parse_header(data: bytes, expected_suite: int, is_text: bool = False) -> tuple[tuple[Entry, ...], Cursor]:
    """Steps 4 to 12, which records and streams share; and what stands behind the wrapped keys."""
    require(len(data) >= 3 and data[:2] == MAGIC and 0x01 <= data[2] <= 0x1F, NOT_SEALED)  # step 4
    require(data[2] == VERSION, MALFORMED if is_text else VERSION_UNKNOWN)  # step 5
    require(len(data) >= 6, MALFORMED)  # step 6
    suite, flags, count = data[3:6]
    require(suite == expected_suite, 'ERR_ENVELOPE_SUITE')  # step 7
    require(flags == FLAGS, 'ERR_ENVELOPE_FLAGS')  # step 8
    require(count <= MAX_ENTRIES, LIMIT)  # step 9
    rest = Cursor(data, 6)
    require(18 * count <= rest.left(), MALFORMED)  # step 10
    slots = [(rest.take(12), rest.take(6)) for _ in range(count)]
    entries = tuple(Entry(key_id, material_id, take_wrapped(rest)) for key_id, material_id in slots)  # step 11
    distinct = len({entry.key_id for entry in entries}) == count
    require(count > 0 and distinct and all(entry.wrapped for entry in entries), MALFORMED)  # step 12
    return entries, rest


def take_wrapped(rest: Cursor) -> bytes:
    length = int.from_bytes(rest.take(2), 'big')
    # The limit goes before the presence of the bytes: both can fail, and the page says which one is reported.
    require(length <= MAX_WRAPPED, LIMIT)
    return rest.take(length)


def canonical_context(context: list[tuple[str, str]]) -> bytes:
    try:
        # Python's encoder refuses every surrogate, and comparing bytes gives the page's order whatever a string is made of.
        pairs = sorted((key.encode('utf-8'), value.encode('utf-8')) for key, value in context)
    except UnicodeEncodeError:
        raise Refused('ERR_CONTEXT_INVALID') from None
    keys = [key for key, _ in pairs]
    fits = len(pairs) <= MAX_PAIRS and all(1 <= len(key) <= MAX_KEY and len(value) <= MAX_VALUE for key, value in pairs)
    require(fits and len(set(keys)) == len(keys) and b'__proto__' not in keys, 'ERR_CONTEXT_INVALID')
    encoded = (bytes([len(key)]) + len(value).to_bytes(2, 'big') + key + value for key, value in pairs)
    return bytes([len(pairs)]) + b''.join(encoded)


def local_key_id(kek: bytes) -> bytes:
    if len(kek) != 32:
        raise ValueError('a local KEK has 32 bytes')
    return hmac.digest(kek, b'keyfold key id v1', 'sha256')[:12]


def derive(dek: bytes, suite: int = SUITE) -> tuple[bytes, bytes, bytes]:
    """Commitment, body key and nonce."""
    message = b'\0\0\0\x01' + b'keyfold record' + b'\0' + bytes([VERSION, suite, FLAGS]) + b'\0\0\x02\0'
    derived = hmac.digest(dek, message, 'sha512')
    return derived[:32], derived[32:], derived[:12]


def dek_of_entry(entry: Entry, kek: bytes, commitment: bytes, suite: int) -> bytes:
    # Step 17. KWP tells a DEK of 25 to 31 bytes in 40 bytes as well, so the length has to be looked at after the unwrapping.
    require(entry.material_id == bytes(6) and len(entry.wrapped) == 40, NOT_AUTHENTIC)
    try:
        dek = aes_key_unwrap_with_padding(kek, entry.wrapped)
    except InvalidUnwrap:
        raise Refused(NOT_AUTHENTIC) from None
    require(len(dek) == 32, NOT_AUTHENTIC)
    require(hmac.compare_digest(derive(dek, suite)[0], commitment), 'ERR_KEY_COMMITMENT')  # step 18
    return dek


def find_dek(entries: tuple[Entry, ...], commitment: bytes, keks: list[bytes], suite: int = SUITE) -> bytes:
    held = {local_key_id(kek): kek for kek in keks}
    candidates = [entry for entry in entries if entry.key_id in held]
    require(len(candidates) > 0, 'ERR_KEY_NOT_FOUND')  # step 16
    failures = []
    for entry in candidates:
        try:
            return dek_of_entry(entry, held[entry.key_id], commitment, suite)
        except Refused as refused:
            failures.append(refused)
    raise failures[0]


def open_envelope(envelope: bytes | str, keks: list[bytes], context: list[tuple[str, str]]) -> bytes:
    encoded_context = canonical_context(context)  # before the envelope: it is the caller's own input
    parsed = parse(envelope)
    commitment, body_key, nonce = derive(find_dek(parsed.entries, parsed.commitment, keks))
    aad = MAGIC + bytes([VERSION, SUITE, FLAGS]) + commitment + hashlib.sha256(encoded_context).digest()
    try:
        return AESGCM(body_key).decrypt(nonce, parsed.ciphertext + parsed.tag, aad)  # step 19
    except InvalidTag:
        raise Refused(NOT_AUTHENTIC) from None


def check_valid(case: dict) -> list[str]:
    """The names of the values that differ from the vector's."""
    raw, text, context = bytes.fromhex(case['envelope']), case['text'], case['context']
    keks = [bytes.fromhex(kek) for kek in case['keks']]
    parsed = parse(raw)
    dek = find_dek(parsed.entries, parsed.commitment, keks)
    commitment, body_key, nonce = derive(dek)
    found = {
        'keyIds': [entry.key_id.hex() for entry in parsed.entries],
        'canonicalContext': canonical_context(context).hex(),
        'dek': dek.hex(),
        'commitment': commitment.hex(),
        'bodyKey': body_key.hex(),
        'nonce': nonce.hex(),
        'plaintext': open_envelope(raw, keks, context).hex(),
        'envelope': parsed.encode().hex(),
        'text': to_text(raw),
    }
    wrong = [name for name, value in found.items() if value != case[name]]
    if parse(text) != parsed or open_envelope(text, keks, context).hex() != case['plaintext']:
        wrong.append('opening from text')
    return [f'differs in {", ".join(wrong)}'] if wrong else []


def check_invalid(case: dict) -> list[str]:
    if 'error' not in case or ('envelope' in case) == ('text' in case):
        return ['needs an error and exactly one of envelope and text']
    envelope = case['text'] if 'text' in case else bytes.fromhex(case['envelope'])
    open_envelope(envelope, [bytes.fromhex(kek) for kek in case['keks']], case['context'])
    return []


def check_context(case: dict) -> list[str]:
    return [] if canonical_context(case['context']).hex() == case.get('canonical') else ['differs in canonical']


def complaints(check: Callable[[dict], list[str]], case: dict) -> list[str]:
    expected = case.get('error', 'no error')
    try:
        wrong, outcome = check(case), 'no error'
    except Refused as refused:
        wrong, outcome = [], refused.code
    except Exception as error:  # a reader that breaks off in another way has failed the case, not the run
        wrong, outcome = [], f'{type(error).__name__}: {error}'
    return wrong if outcome == expected else [*wrong, f'expected {expected}, got {outcome}']


def main(path: str) -> int:
    return report(path, 'keyfold-vectors/1', {'valid': check_valid, 'invalid': check_invalid, 'contexts': check_context})


def report(path: str, schema: str, checks: dict[str, Callable[[dict], list[str]]]) -> int:
    with open(path, encoding='utf-8') as file:
        vectors = json.load(file)
    if vectors['schema'] != schema:
        raise SystemExit(f'the schema of the vector file is not {schema}')
    results = [(f'{kind}: {case["name"]}', complaints(check, case)) for kind, check in checks.items() for case in vectors[kind]]
    failed = [(name, wrong) for name, wrong in results if wrong]
    for name, wrong in failed:
        print(f'{name}: {"; ".join(wrong)}'.encode('ascii', 'backslashreplace').decode('ascii'))
    print(f'{len(results)} cases, {len(failed)} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        raise SystemExit('usage: keyfold_reader.py VECTORS.json')
    sys.exit(main(sys.argv[1]))
