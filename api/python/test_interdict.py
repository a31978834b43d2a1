"""Tests of the client against a running service: INTERDICT_URL and INTERDICT_TEST_KEY name it; and against liars."""

import json
import os
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

import interdict

LISTED = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
CLEAN = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"


class AgainstAService(unittest.TestCase):
    def setUp(self):
        self.client = interdict.Client(os.environ["INTERDICT_URL"], os.environ["INTERDICT_TEST_KEY"], timeout=20)
        self.addCleanup(self.client.close)

    def test_a_hit_a_miss_and_an_error(self):
        hit = self.client.check(LISTED, direction="withdrawal", network="ethereum", reference="wd-1", customer="c-1")
        self.assertFalse(hit.allowed)
        self.assertEqual(hit.action, "reject")
        self.assertEqual(hit.answer.matches[0]["listed"]["address"], LISTED)
        miss = self.client.check(CLEAN, direction="deposit")
        self.assertTrue(miss.allowed)
        self.assertEqual((miss.action, miss.error), ("allow", None))
        wrong = self.client.check(CLEAN[:-1] + "b", direction="deposit")
        self.assertFalse(wrong.allowed)
        self.assertEqual((wrong.action, wrong.error.code, wrong.error.reason, wrong.error.status), (interdict.HOLD, "invalid_address", "bad_checksum", 422))
        self.assertEqual(self.client.check(CLEAN, direction="sideways").action, interdict.HOLD)

    def test_a_batch_keeps_order_and_errors(self):
        checks = [interdict.Check(a, "deposit") for a in [CLEAN, LISTED, "nonsense"] * 700]
        got = self.client.check_all(checks)
        self.assertEqual([d.action for d in got], ["allow", "freeze", interdict.HOLD] * 700)
        self.assertEqual([d.allowed for d in got], [True, False, False] * 700)

    def test_look_up(self):
        self.assertEqual(self.client.look_up(LISTED, "ethereum").result, "hit")
        self.assertEqual(self.client.look_up("bitcoin:" + CLEAN).result, "miss")
        with self.assertRaises(interdict.Error):
            self.client.look_up("a/b?c")

    def test_a_wrong_key_allows_nothing(self):
        with interdict.Client(os.environ["INTERDICT_URL"], "ik_wrong") as stranger:
            d = stranger.check(CLEAN, direction="deposit")
        self.assertEqual((d.allowed, d.error.status, d.error.code), (False, 401, "unauthorized"))

    def test_a_decision_has_no_truth_value(self):
        with self.assertRaises(TypeError):
            bool(self.client.check(CLEAN, direction="deposit"))
        self.assertFalse(interdict.Decision().allowed)
        self.assertNotIn(os.environ["INTERDICT_TEST_KEY"], repr(self.client))


class AgainstLiars(unittest.TestCase):
    """No answer but a whole one allows a transfer."""

    def allowed(self, status, body, content="application/json"):
        class Liar(BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(status)
                self.send_header("Content-Type", content)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Liar)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with interdict.Client(f"http://127.0.0.1:{server.server_port}", "k", retries=0) as client:
                return client.check(CLEAN, direction="deposit").allowed
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_liars(self):
        true = {"check_id": "019ad2c4-0000-7000-8000-000000000000", "result": "miss", "action": "allow", "direction": "deposit",
                "address": {"input": CLEAN, "canonical": CLEAN}, "matches": [], "screened": {"generation": 1, "lists": 1, "listings": 1}}
        self.assertTrue(self.allowed(200, true))
        self.assertTrue(self.allowed(200, {**true, "later": "field"}))
        for lie in [{}, [], None, {**true, "result": "clean"}, {**true, "matches": [{}]}, {**true, "matches": None}, {**true, "action": "review"}, {**true, "direction": "withdrawal"},
                    {**true, "address": {"input": LISTED, "canonical": LISTED}}, {**true, "screened": {"generation": 0, "lists": 1, "listings": 1}},
                    {**true, "screened": {"generation": 1, "lists": 1, "listings": 0}}, {k: v for k, v in true.items() if k != "check_id"}]:
            self.assertFalse(self.allowed(200, lie), lie)
        self.assertFalse(self.allowed(503, true))
        self.assertFalse(self.allowed(302, true))
        self.assertFalse(self.allowed(200, b"<html>sign in</html>", "text/html"))
        self.assertFalse(self.allowed(200, json.dumps(true).encode()[:-5]))
        nobody = interdict.Client("http://127.0.0.1:1", "k", timeout=1)
        self.assertEqual(nobody.check(CLEAN, direction="deposit").action, interdict.HOLD)


if __name__ == "__main__":
    unittest.main()
