// Prints one JSON line for each address that Trust Wallet Core makes: its coin, the text, and texts that differ in one character, with what
// the library says of them. Usage: node addresses.cjs SEED COUNT MUTATIONS
"use strict";

const { createHash } = require("node:crypto");
const { initWasm } = require("@trustwallet/wallet-core");

const [seed, count, mutations] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

// random gives 32 bytes that depend on the seed and the words alone.
const random = (...words) => createHash("sha256").update([seed, ...words].join("\n")).digest();

function make(core, coin, name, i) {
  if (name === "cardano") { // its keys have another form
    const wallet = core.HDWallet.createWithEntropy(random(name, i).subarray(0, 16), "");
    const text = wallet.getAddressForCoin(coin);
    wallet.delete();
    return text;
  }
  const key = core.PrivateKey.createWithData(random(name, i));
  const pub = key.getPublicKey(coin);
  const address = core.AnyAddress.createWithPublicKey(pub, coin);
  const text = address.description();
  for (const used of [address, pub, key]) used.delete();
  return text;
}

// isValid asks the library. Where it gives up on a text, its memory may be damaged: that is a no, and a new instance goes on.
async function isValid(state, text, name) {
  try {
    return state.core.AnyAddress.isValid(text, state.core.CoinType[name]);
  } catch {
    state.core = await initWasm();
    return false;
  }
}

// mutate replaces one character by another one of the coin's addresses.
async function mutate(state, name, text, letters, i) {
  const mutated = [];
  for (let k = 0; k < mutations; k++) {
    const dice = random(name, "mutation", i, k);
    const at = dice.readUInt32BE(0) % text.length;
    const others = letters.filter((c) => c !== text[at]);
    const changed = text.slice(0, at) + others[dice.readUInt32BE(4) % others.length] + text.slice(at + 1);
    mutated.push({ text: changed, valid: await isValid(state, changed, name) });
  }
  return mutated;
}

async function main() {
  const state = { core: await initWasm() };
  const coins = Object.entries(state.core.CoinType).filter(([, coin]) => coin && typeof coin.value === "number").map(([name]) => name);
  for (const name of coins) {
    const coin = state.core.CoinType[name];
    const texts = Array.from({ length: count }, (_, i) => make(state.core, coin, name, i));
    const letters = [...new Set(texts.join(""))].sort();
    for (const [i, text] of texts.entries()) {
      console.log(JSON.stringify({ coin: name, id: coin.value, text, mutated: await mutate(state, name, text, letters, i) }));
    }
  }
}

main().catch((fault) => {
  console.error(String(fault));
  process.exit(1);
});
