"""What a program sees of the package: the same from both clients, and each piece of it documented."""

from __future__ import annotations

import inspect
import re
import unittest

import freddy_auth_client
from freddy_auth_client import AsyncFreddyAuth, FreddyAuth, make_authenticated_request


def methods(kind):
    return {
        name: member
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in ("close", "aclose")
    }


class Surface(unittest.TestCase):
    def test_twins(self):
        """both clients have the same methods, with the same parameters and the same promise"""
        plain, waiting = methods(FreddyAuth), methods(AsyncFreddyAuth)
        self.assertEqual(list(plain), list(waiting))
        for name, method in plain.items():
            twin = waiting[name]
            ours, theirs = inspect.signature(method), inspect.signature(twin)
            self.assertEqual(list(ours.parameters.values()), list(theirs.parameters.values()), name)
            self.assertEqual(inspect.getdoc(method).splitlines()[0], inspect.getdoc(twin).splitlines()[0])
            self.assertEqual(inspect.iscoroutinefunction(twin), name != "get_headers", name)

    def test_founding_names(self):
        """the founding class's methods are there, with its parameters in its order"""
        founding = {
            "login": ["email_or_username", "password"],
            "verify": ["email_key", "verification_code"],
            "refresh": [],
            "get_headers": [],
            "create_response": ["model", "messages"],
        }
        for name, expected in founding.items():
            parameters = list(inspect.signature(getattr(FreddyAuth, name)).parameters)[1:]
            self.assertEqual(parameters[: len(expected)], expected)
        self.assertEqual(list(inspect.signature(make_authenticated_request).parameters), ["auth", "endpoint", "data"])

    def test_documented(self):
        """every parameter of every method is explained, and what it gives"""
        whole = {**methods(FreddyAuth), "make_authenticated_request": make_authenticated_request}
        for name, method in whole.items():
            doc = inspect.getdoc(method)
            signature = inspect.signature(method)
            for parameter in signature.parameters.values():
                if parameter.name != "self":
                    self.assertRegex(doc, rf"\n    (\*\*)?{parameter.name}: \S", f"{name}: {parameter}")
            if signature.return_annotation != "None":
                self.assertIn("\nReturns:\n", doc, name)

    def test_raised_names(self):
        """what a docstring says is raised can be imported"""
        for name in freddy_auth_client.__all__:
            doc = inspect.getdoc(getattr(freddy_auth_client, name)) or ""
            for method in methods(getattr(freddy_auth_client, name)).values():
                doc += inspect.getdoc(method) or ""
            for raised in re.findall(r"^\s+(\w+Error): ", doc, re.M):
                self.assertTrue(raised in freddy_auth_client.__all__ or raised == "ValueError", raised)

    def test_all(self):
        """all that is exported is there, and told"""
        for name in freddy_auth_client.__all__:
            self.assertTrue(name == "__version__" or inspect.getdoc(getattr(freddy_auth_client, name)), name)

    def test_base_url(self):
        """an address that is none is told at once"""
        for text in ("", "localhost:3000/v1", "ftp://example.com/v1"):
            for kind in (FreddyAuth, AsyncFreddyAuth):
                with self.assertRaises(ValueError):
                    kind(text)


if __name__ == "__main__":
    unittest.main()
