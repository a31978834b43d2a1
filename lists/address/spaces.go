package address

// Every number in this file is stored in every layer of every list: a number never changes
// its meaning, and one that falls out of use is not given again. Add at the end of a block.
//
//	          this file's first block    second block
//	Space     2–31                       32–127
//	Variant   2–199                      200–599
//	Role      1–31                       32–99

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
