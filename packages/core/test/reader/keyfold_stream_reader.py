"""A second reader of Keyfold streams, format v1, suite 2: written from docs/format.md alone, as keyfold_reader.py is, whose parts it uses.

"Step n" is row n of the table in the section "Reading a stream".

Usage: keyfold_stream_reader.py VECTORS.json      (needs Python 3.11 and the package `cryptography`)
"""

import hashlib
import hmac
import sys
from typing import Callable, Iterator, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyfold_reader import LIMIT, MALFORMED, NOT_AUTHENTIC, Refused, canonical_context, derive, find_dek, parse_header, report, require

SUITE = 2
CHUNK, TAG = 16384, 16
SEALED_CHUNK = CHUNK + TAG
MAX_CHUNKS = 2**38
LABEL = b'c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM'


class ChunkKey(NamedTuple):
    key: bytes
    base_nonce: bytes

    def nonce(self, index: int) -> bytes:
        require(index < MAX_CHUNKS, LIMIT)
        return (int.from_bytes(self.base_nonce, 'big') ^ index).to_bytes(12, 'big')

    def open(self, index: int, chunk: bytes) -> bytes:
        try:
            return AESGCM(self.key).decrypt(self.nonce(index), chunk, None)
        except InvalidTag:
            raise Refused(NOT_AUTHENTIC) from None

    def seal(self, index: int, plaintext: bytes) -> bytes:
        return AESGCM(self.key).encrypt(self.nonce(index), plaintext, None)


def derive_chunk_key(input_key: bytes, salt: bytes, context: bytes) -> tuple[ChunkKey, bytes]:
    """The key of the chunks, and the commitment to it."""
    info = LABEL + b'\0' + salt + hashlib.sha256(context).digest()
    t1 = hmac.digest(input_key, info + b'\x01', 'sha512')
    t2 = hmac.digest(input_key, t1 + info + b'\x02', 'sha512')
    output = t1 + t2
    return ChunkKey(output[:32], output[32:44]), output[44:76]


def open_head(stream: bytes, keks: list[bytes], context: list[tuple[str, str]]) -> tuple[ChunkKey, int]:
    """Steps 1 to 6: the key of the chunks, and where the first chunk begins."""
    encoded_context = canonical_context(context)
    entries, rest = parse_header(stream, SUITE)  # step 1
    commitment, salt, chunk_commitment = rest.take(32), rest.take(24), rest.take(32)  # step 2
    dek = find_dek(entries, commitment, keks, SUITE)  # steps 3 to 5
    chunk_key, expected = derive_chunk_key(derive(dek, SUITE)[1], salt, encoded_context)
    require(hmac.compare_digest(expected, chunk_commitment), NOT_AUTHENTIC)  # step 6
    return chunk_key, rest.at


def open_stream(stream: bytes, keks: list[bytes], context: list[tuple[str, str]]) -> Iterator[bytes]:
    """The payload, a chunk at a time. It is whole only when this has ended without an error."""
    chunk_key, at = open_head(stream, keks, context)
    index = 0
    while len(stream) - at >= SEALED_CHUNK:
        yield chunk_key.open(index, stream[at : at + SEALED_CHUNK])  # step 7
        at += SEALED_CHUNK
        index += 1
    require(len(stream) - at >= TAG, MALFORMED)  # step 8
    yield chunk_key.open(index, stream[at:])  # step 9


def open_range(stream: bytes, keks: list[bytes], context: list[tuple[str, str]], start: int, end: int) -> bytes:
    """Opens the chunks of the range and the last one, no other."""
    chunk_key, head = open_head(stream, keks, context)
    full, rest = divmod(len(stream) - head, SEALED_CHUNK)
    require(rest >= TAG, MALFORMED)
    last = chunk_key.open(full, stream[head + full * SEALED_CHUNK :])
    end = min(end, full * CHUNK + len(last))
    indexes = range(start // CHUNK, -(-end // CHUNK))
    sealed = {i: stream[head + i * SEALED_CHUNK : head + (i + 1) * SEALED_CHUNK] for i in indexes if i < full}
    plain = b''.join(chunk_key.open(i, sealed[i]) if i < full else last for i in indexes)
    first = start // CHUNK * CHUNK
    return plain[start - first : end - first]


def payload_of(length: int) -> bytes:
    return bytes(i % 251 for i in range(length))


def make_stream(case: dict) -> bytes:
    """A valid stream, from its head and the rule of its payload."""
    chunk_key, _ = derive_chunk_key(bytes.fromhex(case['inputKey']), bytes.fromhex(case['salt']), bytes.fromhex(case['canonicalContext']))
    payload = payload_of(case['payloadBytes'])
    chunks = (chunk_key.seal(i, payload[i * CHUNK : (i + 1) * CHUNK]) for i in range(len(payload) // CHUNK + 1))
    return bytes.fromhex(case['head']) + b''.join(chunks)


def check_valid(made: dict[str, bytes]) -> Callable[[dict], list[str]]:
    def check(case: dict) -> list[str]:
        keks, context = [bytes.fromhex(kek) for kek in case['keks']], case['context']
        stream = made[case['name']] = make_stream(case)
        entries, rest = parse_header(stream, SUITE)
        dek = find_dek(entries, rest.take(32), keks, SUITE)
        commitment, input_key, _ = derive(dek, SUITE)
        payload = b''.join(open_stream(stream, keks, context))
        found = {
            'keyIds': [entry.key_id.hex() for entry in entries],
            'canonicalContext': canonical_context(context).hex(),
            'dek': dek.hex(),
            'commitment': commitment.hex(),
            'inputKey': input_key.hex(),
            'chunkCommitment': derive_chunk_key(input_key, rest.take(24), canonical_context(context))[1].hex(),
            'payloadBytes': len(payload),
            'payloadSha256': hashlib.sha256(payload).hexdigest(),
            'chunks': len(list(open_stream(stream, keks, context))),
            'streamBytes': len(stream),
            'streamSha256': hashlib.sha256(stream).hexdigest(),
            'stream': stream.hex() if 'stream' in case else None,
        }
        wrong = [name for name, value in found.items() if value != case.get(name)]
        places = [0, 1, 5, CHUNK - 1, CHUNK, CHUNK + 1, len(payload)]
        ranges = [(start, end) for start in places for end in places if start <= end]
        if any(open_range(stream, keks, context, start, end) != payload[start:end] for start, end in ranges):
            wrong.append('opening a range')
        return [f'differs in {", ".join(wrong)}'] if wrong else []

    return check


def check_invalid(made: dict[str, bytes]) -> Callable[[dict], list[str]]:
    def bytes_of(part: dict) -> bytes:
        return bytes.fromhex(part['hex']) if 'hex' in part else made[part['of']][part['from'] : part['to']]

    def check(case: dict) -> list[str]:
        given = b''
        try:
            for chunk in open_stream(b''.join(map(bytes_of, case['parts'])), [bytes.fromhex(kek) for kek in case['keks']], case['context']):
                given += chunk
        except Refused as refused:
            if given != payload_of(case['givenBytes']):
                return [f'gave {len(given)} bytes before {refused.code}']
            raise
        return []

    return check


def main(path: str) -> int:
    made: dict[str, bytes] = {}  # filled by the valid cases, which come first
    return report(path, 'keyfold-stream-vectors/1', {'valid': check_valid(made), 'invalid': check_invalid(made)})


if __name__ == '__main__':
    if len(sys.argv) != 2:
        raise SystemExit('usage: keyfold_stream_reader.py VECTORS.json')
    sys.exit(main(sys.argv[1]))
