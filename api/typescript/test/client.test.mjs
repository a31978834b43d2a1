// Tests of the built client against a running service, which INTERDICT_URL and INTERDICT_TEST_KEY name, and against liars.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Interdict, InterdictError } from "../dist/index.js";

const listed = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", clean = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
const url = process.env.INTERDICT_URL, key = process.env.INTERDICT_TEST_KEY;
const interdict = new Interdict(url, key, { timeout: 20000 });

test("a hit, a miss and an error", async () => {
  const hit = await interdict.check({ address: listed, direction: "withdrawal", network: "ethereum", reference: "wd-1" });
  assert.deepEqual([hit.kind, hit.action, hit.answer.matches[0].listed.address], ["listed", "reject", listed]);
  const miss = await interdict.check({ address: clean, direction: "deposit" });
  assert.deepEqual([miss.kind, miss.action], ["clear", "allow"]);
  const wrong = await interdict.check({ address: clean.slice(0, -1) + "b", direction: "deposit" });
  assert.deepEqual([wrong.kind, wrong.action, wrong.error.code, wrong.error.status, wrong.error.problem.reason], ["unanswered", "hold", "invalid_address", 422, "bad_checksum"]);
  assert.equal((await interdict.check({ address: clean, direction: "sideways" })).kind, "unanswered");
  assert.equal((await interdict.check({ address: clean })).kind, "unanswered");
});

test("a batch keeps order and errors", async () => {
  const checks = Array.from({ length: 700 }, () => [clean, listed, "nonsense"]).flat().map((address) => ({ address, direction: "deposit" }));
  const got = await interdict.checkAll(checks);
  assert.deepEqual(got.map((d) => d.kind), Array.from({ length: 700 }, () => ["clear", "listed", "unanswered"]).flat());
});

test("look-ups", async () => {
  assert.equal((await interdict.lookUp(listed, "ethereum")).result, "hit");
  assert.equal((await interdict.lookUp("bitcoin:" + clean)).result, "miss");
  await assert.rejects(interdict.lookUp("a/b?c"), InterdictError);
});

test("a wrong key allows nothing, and no key is shown", async () => {
  const d = await new Interdict(url, "ik_wrong").check({ address: clean, direction: "deposit" });
  assert.deepEqual([d.kind, d.error.status], ["unanswered", 401]);
  assert.ok(!JSON.stringify(interdict).includes(key));
});

test("no answer but a whole one is clear", async () => {
  const asks = async (status, body, type = "application/json") => {
    const server = createServer((_, res) => { res.writeHead(status, { "Content-Type": type, Location: "/elsewhere" }).end(typeof body === "string" ? body : JSON.stringify(body)); });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    try {
      return (await new Interdict(`http://127.0.0.1:${server.address().port}`, "k", { retries: 0 }).check({ address: clean, direction: "deposit" })).kind;
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };
  const whole = { check_id: "019ad2c4-0000-7000-8000-000000000000", result: "miss", action: "allow", direction: "deposit", address: { input: clean, canonical: clean }, matches: [],
    screened: { generation: 1, lists: 1, listings: 1 } };
  assert.equal(await asks(200, whole), "clear");
  assert.equal(await asks(200, { ...whole, later: "field" }), "clear");
  for (const lie of [{}, [], null, { ...whole, result: "clean" }, { ...whole, matches: [{}] }, { ...whole, matches: null }, { ...whole, action: "review" },
    { ...whole, direction: "withdrawal" }, { ...whole, address: { input: listed, canonical: listed } }, { ...whole, screened: { generation: 0, lists: 1, listings: 1 } },
    { ...whole, screened: { generation: 1, lists: 1, listings: 0 } }, { ...whole, check_id: undefined }]) {
    assert.equal(await asks(200, lie), "unanswered", JSON.stringify(lie));
  }
  assert.equal(await asks(503, whole), "unanswered");
  assert.equal(await asks(302, whole), "unanswered");
  assert.equal(await asks(200, "<html>sign in</html>", "text/html"), "unanswered");
  assert.equal(await asks(200, JSON.stringify(whole).slice(0, -5)), "unanswered");
  assert.equal((await new Interdict("http://127.0.0.1:1", "k").check({ address: clean, direction: "deposit" })).kind, "unanswered");
});
