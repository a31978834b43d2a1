package address

// The numbers of key spaces, variants and roles. Each is stored in every layer of every list: a number never changes its
// meaning and is never reused. Add at the end of a block.
//
//	          first block                second block
//	Space     2–31                       32–127
//	Variant   2–199                      200–599; those of the tables' rows: 1000–2999
//	Role      1–31                       32–99
//
// The chains of the table of Bitcoin's kind have eight variants each, from 3000 on (utxotable.go). The third block is below.

// Key spaces of the Bitcoin family, Zcash, Monero, the EVM family, Tron, Solana and XRP.
const (
	SpaceHash160   Space = 2  // 20 bytes RIPEMD160(SHA256(public key)): P2PKH, P2WPKH, TEX, Cosmos coin-118 style, XRP, Avalanche X and P
	SpaceScript160 Space = 3  // 20 bytes RIPEMD160(SHA256(script)): P2SH on every chain (BIP-16)
	SpaceScript256 Space = 4  // 32 bytes SHA256(witness script): P2WSH (BIP-141)
	SpaceScript32  Space = 5  // 32 bytes SHA256(SHA256(script)): P2SH32 of Bitcoin Cash
	SpaceTaproot   Space = 6  // 32 bytes x-only output key: P2TR (BIP-341)
	SpaceWitness   Space = 7  // version byte and 2–40 bytes program: witness versions without a space of their own
	SpaceMWEB      Space = 8  // 66 bytes scan and spend public key: Litecoin MWEB
	SpaceSapling   Space = 9  // 43 bytes diversifier and pk_d: Zcash Sapling
	SpaceOrchard   Space = 10 // 43 bytes raw Orchard receiver (only inside unified addresses)
	SpaceUnified   Space = 11 // item list of a unified address (ZIP-316), or its SHA-256 when longer than a key may be
	SpaceSprout    Space = 12 // 64 bytes a_pk and pk_enc: Zcash Sprout
	SpaceMonero    Space = 13 // 64 bytes public spend and view key
	SpaceEVM       Space = 14 // last 20 bytes of Keccak256(public key), or of a contract's creation
	SpaceEd25519   Space = 15 // 32 bytes ed25519 public key, or (Solana) a program derived address
)

// Variants of the first block.
const (
	VariantBitcoinP2PKH   Variant = 2
	VariantBitcoinP2SH    Variant = 3
	VariantBitcoinP2WPKH  Variant = 4
	VariantBitcoinP2WSH   Variant = 5
	VariantBitcoinP2TR    Variant = 6
	VariantBitcoinWitness Variant = 7

	VariantLitecoinP2PKH   Variant = 8
	VariantLitecoinP2SH    Variant = 9
	VariantLitecoinP2WPKH  Variant = 10
	VariantLitecoinP2WSH   Variant = 11
	VariantLitecoinP2TR    Variant = 12
	VariantLitecoinWitness Variant = 13
	VariantLitecoinMWEB    Variant = 14

	VariantBitcoinCashP2PKH  Variant = 16
	VariantBitcoinCashP2SH   Variant = 17
	VariantBitcoinCashP2SH32 Variant = 18

	VariantBitcoinSVP2PKH Variant = 20
	VariantBitcoinSVP2SH  Variant = 21

	VariantECashP2PKH Variant = 22
	VariantECashP2SH  Variant = 23

	VariantBitcoinGoldP2PKH   Variant = 24
	VariantBitcoinGoldP2SH    Variant = 25
	VariantBitcoinGoldP2WPKH  Variant = 26
	VariantBitcoinGoldP2WSH   Variant = 27
	VariantBitcoinGoldP2TR    Variant = 28
	VariantBitcoinGoldWitness Variant = 29

	VariantDogecoinP2PKH Variant = 32
	VariantDogecoinP2SH  Variant = 33
	VariantDashP2PKH     Variant = 34
	VariantDashP2SH      Variant = 35
	VariantVergeP2PKH    Variant = 36
	VariantVergeP2SH     Variant = 37

	VariantZcashP2PKH   Variant = 40 // t1 and TEX
	VariantZcashP2SH    Variant = 41
	VariantZcashSapling Variant = 42
	VariantZcashUnified Variant = 43
	VariantZcashSprout  Variant = 44

	VariantMonero           Variant = 48 // standard and integrated
	VariantMoneroSubaddress Variant = 49

	VariantEVM    Variant = 52 // one identity on every EVM chain
	VariantTron   Variant = 53
	VariantSolana Variant = 56
	VariantXRP    Variant = 57
	VariantBNB    Variant = 58 // BNB Beacon Chain
)

// Roles of the first block.
const (
	RoleNested       Role = 1 // P2SH of a P2WPKH program (BIP-141, P2WPKH nested in BIP16 P2SH)
	RoleNestedScript Role = 2 // P2SH of a P2WSH program
	RoleReceiver     Role = 3 // a receiver inside a Zcash unified address
	RoleTokenAccount Role = 4 // a Solana associated token account of the owner
)

// The second block.

// Key spaces.
const (
	SpaceStellarContract   Space = 32 // 32 bytes id of a Stellar contract (C…)
	SpaceCosmosContract    Space = 33 // 32 bytes: contract, module or interchain account of a Cosmos chain
	SpaceCosmosModule      Space = 34 // 20 bytes hash of a module's name: on every Cosmos chain, owned by nobody
	SpaceCardano           Space = 35 // bytes of a Shelley base or pointer address
	SpaceCardanoPayment    Space = 36 // kind (0 key, 1 script) and 28 bytes of a payment credential
	SpaceCardanoStake      Space = 37 // kind (0 key, 1 script) and 28 bytes of a stake credential
	SpaceCardanoByron      Space = 38 // CBOR of a Byron address, without its CRC-32
	SpaceSS58              Space = 39 // 32 bytes account id of a Substrate chain
	SpaceTON               Space = 40 // workchain (one signed byte) and 32 bytes of hash
	SpaceNearName          Space = 41 // name of a NEAR account, or its SHA-256 when longer than a key may be
	SpaceAptos             Space = 42 // 32 bytes
	SpaceSui               Space = 43 // 32 bytes
	SpaceStarknet          Space = 44 // 32 bytes, below 2^251
	SpaceTezosTz1          Space = 45 // 20 bytes BLAKE2b of an Ed25519 key
	SpaceTezosTz2          Space = 46 // 20 bytes BLAKE2b of a secp256k1 key
	SpaceTezosTz3          Space = 47 // 20 bytes BLAKE2b of a P-256 key
	SpaceTezosTz4          Space = 48 // 20 bytes BLAKE2b of a BLS key
	SpaceTezosKT1          Space = 49 // 20 bytes of a contract
	SpaceTezosSr1          Space = 50 // 20 bytes of a smart rollup
	SpaceFilecoinID        Space = 51 // 8 bytes actor id, big-endian
	SpaceFilecoinSecp256k1 Space = 52 // 20 bytes BLAKE2b of a secp256k1 key
	SpaceFilecoinActor     Space = 53 // 20 bytes BLAKE2b of what an actor was created from
	SpaceFilecoinBLS       Space = 54 // 48 bytes BLS public key
	SpaceHedera            Space = 55 // 8 bytes account number in shard 0, realm 0, big-endian
	SpaceEOS               Space = 56 // 8 bytes packed name, big-endian
	SpaceICPPrincipal      Space = 57 // up to 29 bytes of principal
	SpaceICPAccount        Space = 58 // 32 bytes ledger account id, CRC-32 included
	SpaceICPSubaccount     Space = 59 // 32 bytes sub-account (not zero), then the principal
	SpaceKaspa             Space = 60 // 32 bytes x coordinate of a secp256k1 public key
	SpaceKaspaScript       Space = 61 // 32 bytes BLAKE2b of a script
	SpaceNano              Space = 62 // 32 bytes public key of Ed25519 with BLAKE2b
	SpaceNearDeterministic Space = 63 // 20 bytes of a NEAR account made from its contract's state (0s…)
)

// Variants. The chains of cosmos.tsv have four each, 300–367 and from 1000 on; those of ss58.tsv one, from 2000 on. The tables hold them.
const (
	VariantStellar         Variant = 200
	VariantStellarContract Variant = 201
	VariantAlgorand        Variant = 202

	VariantNearImplicit      Variant = 204 // 64 hex digits: an Ed25519 key
	VariantNearEVM           Variant = 205 // 0x and 40 digits: an EVM key
	VariantNearName          Variant = 206
	VariantNearDeterministic Variant = 207

	VariantPolkadot  Variant = 208
	VariantKusama    Variant = 209
	VariantBittensor Variant = 210
	VariantAstar     Variant = 211
	VariantSubstrate Variant = 212 // any chain with SS58

	VariantTON Variant = 213

	VariantAptos    Variant = 214
	VariantSui      Variant = 215
	VariantStarknet Variant = 216

	VariantTezosTz1 Variant = 220
	VariantTezosTz2 Variant = 221
	VariantTezosTz3 Variant = 222
	VariantTezosTz4 Variant = 223
	VariantTezosKT1 Variant = 224
	VariantTezosSr1 Variant = 225

	VariantFilecoinID        Variant = 230
	VariantFilecoinSecp256k1 Variant = 231
	VariantFilecoinActor     Variant = 232
	VariantFilecoinBLS       Variant = 233
	VariantFilecoinEVM       Variant = 234 // f410f…

	VariantHedera    Variant = 238
	VariantHederaEVM Variant = 239 // an account by the EVM address of its ECDSA key
	VariantEOS       Variant = 240

	VariantICPPrincipal  Variant = 242
	VariantICPAccount    Variant = 243
	VariantICPSubaccount Variant = 244

	VariantKaspa       Variant = 246 // Schnorr
	VariantKaspaEven   Variant = 247 // ECDSA, key with an even y
	VariantKaspaOdd    Variant = 248 // ECDSA, key with an odd y
	VariantKaspaScript Variant = 249
	VariantNano        Variant = 250

	VariantAvalancheX Variant = 252
	VariantAvalancheP Variant = 253

	// The header of a Shelley address tells which of its parts are keys and which scripts; it stands in the key.
	VariantCardanoBase       Variant = 260
	VariantCardanoPointer    Variant = 261
	VariantCardanoEnterprise Variant = 262
	VariantCardanoStake      Variant = 264
	VariantCardanoByron      Variant = 266
)

// Roles.
const (
	RolePayment    Role = 32 // the payment credential of a Cardano address
	RoleStake      Role = 33 // the stake credential of a Cardano address
	RoleICPAccount Role = 34 // the ledger account id of a principal's (sub-)account
	RoleICPOwner   Role = 35 // the principal that owns a sub-account
)

// The third block.

// Key spaces.
const (
	SpaceDecred       Space = 70 // 20 bytes RIPEMD160(BLAKE256(public key))
	SpaceDecredScript Space = 71 // 20 bytes RIPEMD160(BLAKE256(script))
	SpaceWaves        Space = 72 // 20 bytes Keccak256(BLAKE2b256(public key))
	SpaceNebulas      Space = 73 // 20 bytes
	SpaceNeo          Space = 74 // 20 bytes hash of a verification script: Neo, Ontology
	SpaceContract     Space = 75 // 32 bytes: contract of aeternity, of MultiversX
	SpaceMina         Space = 76 // 33 bytes x and parity of a Pallas public key
	SpaceOasis        Space = 78 // 21 bytes version and hash
	SpaceNervos       Space = 79 // 32 bytes code hash, hash type, arguments of a lock script
	SpacePactus       Space = 80 // 20 bytes
	SpaceChia         Space = 81 // 32 bytes hash of a puzzle
	SpaceICON         Space = 82 // 20 bytes
	SpaceNuls         Space = 83 // 20 bytes of a contract or multi-signature account
	SpaceNimiq        Space = 84 // 20 bytes
	SpaceSiacoin      Space = 85 // 32 bytes unlock hash
	SpaceNEM          Space = 86 // 20 bytes RIPEMD160(Keccak256(public key)), or (Symbol) of SHA3-256
	SpaceEverscale    Space = 87 // workchain (one signed byte) and 32 bytes of hash
	SpaceAion         Space = 88 // 32 bytes
	SpaceConflux      Space = 89 // 20 bytes, the first four bits of which are the kind of account
	SpaceLisk         Space = 90 // 20 bytes SHA256(public key)
	SpaceLiskNumber   Space = 91 // 8 bytes of an address before 2022 (…L)
	SpaceIOST         Space = 92 // name of an account
	SpaceArweave      Space = 93 // 32 bytes SHA256(public key)
	SpaceSymbol       Space = 94 // 20 bytes
)

// Variants.
const (
	VariantDecredP2PKH Variant = 3600
	VariantDecredP2SH  Variant = 3601

	VariantWaves             Variant = 3604
	VariantNebulas           Variant = 3605
	VariantNebulasContract   Variant = 3606
	VariantNeoLegacy         Variant = 3608 // A…, before N3
	VariantNeo               Variant = 3609 // N…, N3
	VariantOntology          Variant = 3610
	VariantAeternity         Variant = 3612
	VariantAeternityContract Variant = 3613
	VariantMina              Variant = 3614

	VariantMultiversX         Variant = 3620
	VariantMultiversXContract Variant = 3621
	VariantOasis              Variant = 3622
	VariantNervos             Variant = 3623
	VariantPactusValidator    Variant = 3625
	VariantPactusBLS          Variant = 3626
	VariantPactusEd25519      Variant = 3627
	VariantChia               Variant = 3628
	VariantZilliqa            Variant = 3629

	VariantICON         Variant = 3632
	VariantICONContract Variant = 3633
	VariantNuls         Variant = 3634
	VariantNulsContract Variant = 3635
	VariantNulsMultisig Variant = 3636
	VariantNimiq        Variant = 3638
	VariantSiacoin      Variant = 3639
	VariantNEM          Variant = 3640
	VariantSymbol       Variant = 3641
	VariantEverscale    Variant = 3642
	VariantAion         Variant = 3643
	VariantConflux      Variant = 3644
	VariantLisk         Variant = 3646
	VariantLiskNumber   Variant = 3647
	VariantIOST         Variant = 3648
	VariantArweave      Variant = 3649
	VariantStacks       Variant = 3650
	VariantStacksP2SH   Variant = 3651

	VariantOxen           Variant = 3654
	VariantOxenSubaddress Variant = 3655

	VariantWAX   Variant = 3660
	VariantTelos Variant = 3661
	VariantFIO   Variant = 3662
)
