package build

import (
	"fmt"

	"interdict/lists/address"
)

// wellKnown are addresses that many transfers involve, or that nobody controls: on a list they are nearly always a mistake, and block honest
// customers. They can be listed with a reason. Sources: the issuers' own pages (Tether,
// Circle), the contracts' verified pages on Etherscan, Tronscan and Solana Explorer, Solana's documentation of its programs, the special
// addresses of the XRP Ledger's documentation, and Bitcoin's genesis block.
var wellKnown = keysOf([]known{
	{"ethereum", "null address", []string{"0x0000000000000000000000000000000000000000"}},
	{"ethereum", "burn address", []string{"0x000000000000000000000000000000000000dEaD", "0xdEAD000000000000000042069420694206942069",
		"0xdead000000000000000000000000000000000000"}},
	{"ethereum", "native token placeholder", []string{"0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"}},
	{"ethereum", "USDT contract", []string{"0xdAC17F958D2ee523a2206206994597C13D831ec7"}},
	{"ethereum", "USDC contract", []string{"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"}},
	{"ethereum", "DAI contract", []string{"0x6B175474E89094C44Da98b954EedeAC495271d0F"}},
	{"ethereum", "WETH contract", []string{"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"}},
	{"ethereum", "WBTC contract", []string{"0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599"}},
	{"ethereum", "BNB contract", []string{"0xB8c77482e45F1F44dE1745F52C74426C631bDD52"}},
	{"ethereum", "LEO contract of Bitfinex", []string{"0x2AF5D2aD76741191D15Dfe7bF6aC92d4Bd912Ca3"}},
	{"ethereum", "OKB contract of OKX", []string{"0x75231F58b43240C9718Dd58B4967c5114342a86c"}},
	{"ethereum", "CRO contract of Crypto.com", []string{"0xA0b73E1Ff0B80914AB6fe0444E65848C4C34450b"}},
	{"ethereum", "stETH contract", []string{"0xae7ab96520DE3A18E5e111B5EaAb095312D7fE84"}},
	{"ethereum", "deposit contract of Ethereum", []string{"0x00000000219ab540356cBB839Cbe05303d7705Fa"}},
	{"ethereum", "Multicall3", []string{"0xcA11bde05977b3631167028862bE2a173976CA11"}},
	{"ethereum", "Permit2", []string{"0x000000000022D473030F116dDEE9F6B43aC78BA3"}},
	{"ethereum", "Uniswap router", []string{"0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D", "0xE592427A0AEce92De3Edee1F18E0157C05861564"}},
	{"ethereum", "ERC-4337 entry point", []string{"0x5FF137D4b0FDCD49DcA30c7CF57E578a026d2789"}},
	{"bsc", "USDT contract", []string{"0x55d398326f99059fF775485246999027B3197955"}},
	{"bsc", "USDC contract", []string{"0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d"}},
	{"bsc", "WBNB contract", []string{"0xbb4CdB9CBd36B01bD1cBaEBF2De08d9173bc095c"}},
	{"polygon", "USDT contract", []string{"0xc2132D05D31c914a87C6611C10748AEb04B58e8F"}},
	{"polygon", "USDC contract", []string{"0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174"}},
	{"arbitrum", "USDT contract", []string{"0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9"}},
	{"arbitrum", "USDC contract", []string{"0xaf88d065e77c8cC2239327C5EDb3A432268e5831"}},
	{"optimism", "USDC contract", []string{"0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"}},
	{"optimism", "WETH contract", []string{"0x4200000000000000000000000000000000000006"}},
	{"base", "USDC contract", []string{"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"}},
	{"avalanche", "USDC contract", []string{"0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"}},
	{"bitcoin", "address of Bitcoin's genesis block", []string{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"}},
	{"bitcoin", "burn address", []string{"1BitcoinEaterAddressDontSendf59kuE", "1111111111111111111114oLvT2", "1CounterpartyXXXXXXXXXXXXXXXUWLpVr"}},
	{"tron", "null address", []string{"T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"}},
	{"tron", "USDT contract", []string{"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"}},
	{"tron", "USDC contract", []string{"TEkxiTehnzSmSe2XqrBj4w32RUN966rdz8"}},
	{"solana", "system program", []string{"11111111111111111111111111111111"}},
	{"solana", "token program", []string{"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"}},
	{"solana", "associated token program", []string{"ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"}},
	{"solana", "burn address", []string{"1nc1nerator11111111111111111111111111111111"}},
	{"solana", "wrapped SOL", []string{"So11111111111111111111111111111111111111112"}},
	{"solana", "USDT mint", []string{"Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"}},
	{"solana", "USDC mint", []string{"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"}},
	{"xrp", "special address of the XRP Ledger", []string{"rrrrrrrrrrrrrrrrrrrrrhoLvTp", "rrrrrrrrrrrrrrrrrrrrBZbvji", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"}},
	{"ton", "null address", []string{"EQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM9c"}},
	{"ton", "USDT contract", []string{"EQCxE6mUtQJKFnGfaROTKOt1lZbDiiX1kCixRv7Nw2Id_sDs"}},
})

type known struct {
	network, what string
	addresses     []string
}

// keysOf returns the names of well-known addresses by key. The address of a contract has the same key on all EVM networks.
func keysOf(all []known) map[address.Key]string {
	keys := map[address.Key]string{}
	for _, k := range all {
		for _, text := range k.addresses {
			readings, err := address.Parse(nil, text, k.network)
			if err != nil {
				panic(fmt.Sprintf("well-known %s %s: %v", k.network, text, err))
			}
			keys[readings[0].Key] = text + " (" + k.what + ")"
		}
	}
	return keys
}
