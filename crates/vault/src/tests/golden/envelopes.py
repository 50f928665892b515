"""The envelope a second time, from vault.md and not from our Rust: makes envelopes.txt beside it. Also the audit chain, and
values as other systems seal them.

Needs `cryptography`; Salsa20 is written out, because that library does not have it.
"""
import base64, hashlib, hmac, struct
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.poly1305 import Poly1305


def hkdf(salt, ikm, info, length):
    return HKDF(hashes.SHA256(), length, salt, info).derive(ikm)


def lp(text):
    return struct.pack(">I", len(text)) + text


def double_round(x):
    def quarter(a, b, c, d):
        for to, one, two, bits in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
            total = (x[one] + x[two]) & 0xFFFFFFFF
            x[to] ^= ((total << bits) | (total >> (32 - bits))) & 0xFFFFFFFF
    for column in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
        quarter(*column)
    for row in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
        quarter(*row)


def salsa_state(key, middle):
    c = struct.unpack("<4I", b"expand 32-byte k")
    k, m = struct.unpack("<8I", key), struct.unpack("<4I", middle)
    return [c[0], *k[:4], c[1], *m, c[2], *k[4:], c[3]]


def xsalsa20(key, nonce, length):
    x = salsa_state(key, nonce[:16])
    for _ in range(10):
        double_round(x)
    subkey = struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))
    stream = b""
    while len(stream) < length:
        start = salsa_state(subkey, nonce[16:] + struct.pack("<Q", len(stream) // 64))
        x = list(start)
        for _ in range(10):
            double_round(x)
        stream += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(x, start)))
    return stream[:length]


def aes_256_gcm(key, context, nonce, value):
    return nonce + AESGCM(key).encrypt(nonce, value, context)


def xsalsa20_poly1305(key, context, nonce, value):
    stream = xsalsa20(key, nonce, 32 + len(value))
    text = bytes(a ^ b for a, b in zip(value, stream[32:]))
    return nonce + text + Poly1305.generate_tag(stream[:32], text)


def fernet(key, context, iv, value):
    pad = padding.PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(key[16:]), modes.CBC(iv)).encryptor()
    text = cipher.update(pad.update(value) + pad.finalize()) + cipher.finalize()
    return iv + text + hmac.digest(key[:16], b"\x80" + bytes(8) + iv + text, "sha256")


master = hashlib.sha256(b"the master key of the golden envelopes").digest()
workspace_salt = hashlib.sha256(b"the salt of the golden workspace").digest()
workspace = b"ws_0190000000007000800000000000000a"
value = b"sk-golden-0123456789abcdefghijklmnopqrstuvwxyz"

workspace_key = hkdf(workspace_salt, master, b"keystile/1/workspace" + lp(workspace), 32)
check_key = hkdf(None, master, b"keystile/1/check", 32)
print("check", hmac.digest(check_key, b"keystile/1/check" + struct.pack(">I", 7), "sha256").hex())
for suite, nonce_bytes, seal in ((1, 12, aes_256_gcm), (2, 24, xsalsa20_poly1305), (3, 16, fernet)):
    salt = hashlib.sha256(b"salt %d" % suite).digest()
    nonce = hashlib.sha256(b"nonce %d" % suite).digest()[:nonce_bytes]
    head = b"KSTL\x01" + bytes([suite]) + b"\0\0" + struct.pack(">I", 7) + salt
    context = lp(b"ins_0190000000007000800000000000000b") + lp(workspace)
    context += lp(b"pk_0190000000007000800000000000000c") + lp(b"api_key")
    context += struct.pack(">Q", 3) + lp(b"https://api.openai.com:443") + head
    info = b"keystile/1/seal" + bytes([suite]) + hashlib.sha256(context).digest()
    okm = hkdf(salt, workspace_key, info, 64)
    print({1: "aes-256-gcm", 2: "xsalsa20-poly1305", 3: "fernet"}[suite], (head + okm[32:] + seal(okm[:32], context, nonce, value)).hex())

secret = hashlib.sha256(b"the audit chain's secret").digest()
links, heads = (hkdf(None, secret, info, 32) for info in (b"keystile/1/audit", b"keystile/1/audit-head"))
link = b""
for number, row in enumerate(([b"first", b"", b"\0"], [b"second"]), 1):
    link = hmac.digest(links, b"".join(map(lp, [link, *row])), "sha256")
    print(f"link-{number}", link.hex())
print("head", hmac.digest(heads, lp(b"ws_1") + struct.pack(">Q", 2) + lp(link), "sha256").hex())

foreign_key = hashlib.sha256(b"the key of another system").digest()
nonce = hashlib.sha256(b"a nonce of another system").digest()[:24]
box = xsalsa20_poly1305(foreign_key, b"", nonce, value)
token = Fernet(base64.urlsafe_b64encode(foreign_key))._encrypt_from_parts(value, 1_774_000_800, nonce[:16])
print("foreign-fernet", token.hex())
# NaCl writes the tag before the text.
print("foreign-secretbox", (nonce + box[-16:] + box[24:-16]).hex())
print("foreign-aes-256-gcm", aes_256_gcm(foreign_key, b"", nonce[:12], value).hex())
print("foreign-aes-256-gcm-associated", aes_256_gcm(foreign_key, b"row 1", nonce[:12], value).hex())
