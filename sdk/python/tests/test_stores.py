"""Where tokens are kept: every store keeps the same promises."""

from __future__ import annotations

import os
import stat
import tempfile
import unittest
from pathlib import Path

import keyring
import keyring.backends.fail
import keyring.backends.null
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from freddy_auth_client import EncryptedFileStore, FreddyAuth, KeychainStore, MemoryStore, Tokens, TokenStoreError

TOKENS = Tokens("an access token", "a refresh token", "a device token")
OTHERS = Tokens("another access token", "another refresh token")


class NotedKeyring(KeyringBackend):
    """A key store that keeps to the rules of `keyring`, in memory: no machine that runs tests has one of its own."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.entries = {}

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password

    def delete_password(self, service, username):
        if (service, username) not in self.entries:
            raise PasswordDeleteError("not found")
        del self.entries[service, username]


class Stores(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="freddy-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "below" / "tokens"
        self.addCleanup(keyring.set_keyring, keyring.backends.null.Keyring())
        keyring.set_keyring(NotedKeyring())

    def file(self, passphrase="correct horse"):
        return EncryptedFileStore(self.path, passphrase)

    def test_promises(self):
        """each store answers what was kept last, and nothing before that or after it was cleared"""
        for store in (MemoryStore(), KeychainStore("ada@example.com"), self.file()):
            with self.subTest(type(store).__name__):
                self.assertIsNone(store.load())
                store.clear()
                store.save(TOKENS)
                store.save(OTHERS)
                self.assertEqual(store.load(), OTHERS)
                store.save(TOKENS)
                self.assertEqual(store.load(), TOKENS)
                store.clear()
                self.assertIsNone(store.load())

    def test_shared(self):
        """two stores of one place, as of two programs, see what the other keeps"""
        for make in (lambda: KeychainStore("ada@example.com"), self.file):
            first, second = make(), make()
            first.save(TOKENS)
            self.assertEqual(second.load(), TOKENS)
            second.save(OTHERS)
            self.assertEqual(first.load(), OTHERS)

    def test_accounts(self):
        """each account has an entry of its own in the key store of the system"""
        KeychainStore("ada@example.com").save(TOKENS)
        self.assertIsNone(KeychainStore("bob@example.com").load())
        self.assertEqual(list(keyring.get_keyring().entries), [("freddy-auth", "ada@example.com")])

    def test_file_is_private(self):
        """the file is its owner's alone, and holds no token that can be read"""
        self.file().save(TOKENS)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.path.parent.stat().st_mode), 0o700)
        kept = self.path.read_bytes()
        for secret in (TOKENS.token, TOKENS.refresh_token, TOKENS.device_token):
            self.assertNotIn(secret.encode(), kept)
        os.chmod(self.path, 0o644)
        self.file().save(TOKENS)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.path.parent), ["tokens"])

    def test_file_says_no(self):
        """another passphrase, or a file that somebody changed, is told and gives nothing"""
        self.file().save(TOKENS)
        with self.assertRaises(TokenStoreError):
            self.file("wrong").load()
        kept = bytearray(self.path.read_bytes())
        for place in (0, 40, len(kept) - 1):
            changed = bytearray(kept)
            changed[place] ^= 1
            self.path.write_bytes(changed)
            with self.assertRaises(TokenStoreError):
                self.file().load()
        self.path.write_bytes(b"")
        with self.assertRaises(TokenStoreError):
            self.file().load()

    def test_same_tokens_differ(self):
        """the same tokens and passphrase make another file each time"""
        self.file().save(TOKENS)
        first = self.path.read_bytes()
        self.file().save(TOKENS)
        self.assertNotEqual(self.path.read_bytes(), first)

    def test_no_key_store(self):
        """a machine without a key store says so, and how is up to the program"""
        keyring.set_keyring(keyring.backends.fail.Keyring())
        store = KeychainStore("ada@example.com")
        for deed in (store.load, lambda: store.save(TOKENS), store.clear):
            with self.assertRaises(TokenStoreError) as caught:
                deed()
            self.assertNotIn(TOKENS.token, str(caught.exception))

    def test_small_enough(self):
        """real tokens fit into the smallest key store, which takes 1,280 characters"""
        jwt = "x" * 400
        self.assertLess(len(Tokens(jwt, jwt, "d" * 100).to_json()), 1280)

    def test_not_printed(self):
        """no token is printed with what holds it"""
        auth = FreddyAuth(store=MemoryStore(TOKENS))
        self.addCleanup(auth.close)
        for told in (repr(TOKENS), str(TOKENS), repr(auth), repr(auth.tokens)):
            self.assertNotIn('token"', told)
            self.assertNotIn(TOKENS.token, told)

    def test_nonsense(self):
        """what is no line of tokens is told as such"""
        for text in ("", "[]", "{}", '{"token": "t"}', "null"):
            with self.assertRaises(ValueError):
                Tokens.from_json(text)


if __name__ == "__main__":
    unittest.main()
