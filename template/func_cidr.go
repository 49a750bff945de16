package template

import (
	"fmt"
	"math/big"
	"net/netip"

	"gatehouse/jsondoc"
)

func cidrFunctions() []row {
	return []row{
		{name: "parseCidr", least: 1, most: 1, eager: func(c *call) Value {
			p := c.prefix()
			if c.err != nil {
				return nil
			}
			return describePrefix(p)
		}},
		{name: "cidrSubnet", least: 3, most: 3, eager: func(c *call) Value {
			p, size, index := c.prefix(), c.int(1), c.int(2)
			if c.err != nil {
				return nil
			}
			if size < int64(p.Bits()) || size > int64(p.Addr().BitLen()) {
				return c.fail("the new size has to lie between the prefix's %d and %d", p.Bits(), p.Addr().BitLen())
			}
			shift := uint(int64(p.Addr().BitLen()) - size)
			count := new(big.Int).Lsh(big.NewInt(1), uint(size-int64(p.Bits())))
			if index < 0 || big.NewInt(index).Cmp(count) >= 0 {
				return c.fail("the subnet index has to lie between 0 and %s", count.Sub(count, big.NewInt(1)))
			}
			return fmt.Sprintf("%s/%d", offset(p.Addr(), new(big.Int).Lsh(big.NewInt(index), shift)), size)
		}},
		{name: "cidrHost", least: 2, most: 2, eager: func(c *call) Value {
			p, index := c.prefix(), c.int(1)
			if c.err != nil {
				return nil
			}
			// The first usable address has index 0; in IPv4 that is the one after the network's.
			at := new(big.Int).Add(big.NewInt(index), big.NewInt(firstUsable(p)))
			host := offset(p.Addr(), at)
			if index < 0 || !p.Contains(host) || host == lastAddress(p) && firstUsable(p) == 1 {
				return c.fail("the network has no host with that index")
			}
			return host.String()
		}},
	}
}

func (c *call) prefix() netip.Prefix {
	p, err := netip.ParsePrefix(c.str(0))
	if err != nil {
		c.fail("the text is no address range in CIDR notation; write it like 10.0.0.0/16")
		return netip.Prefix{}
	}
	return p.Masked()
}

func firstUsable(p netip.Prefix) int64 {
	if p.Addr().Is4() && p.Bits() <= 30 {
		return 1
	}
	return 0
}

func offset(a netip.Addr, by *big.Int) netip.Addr {
	n := new(big.Int).SetBytes(a.AsSlice())
	n.Add(n, by)
	if n.Sign() < 0 || n.BitLen() > a.BitLen() {
		return netip.Addr{}
	}
	b := make([]byte, a.BitLen()/8)
	out, _ := netip.AddrFromSlice(n.FillBytes(b))
	return out
}

func lastAddress(p netip.Prefix) netip.Addr {
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	return offset(p.Addr(), size.Sub(size, big.NewInt(1)))
}

func describePrefix(p netip.Prefix) Value {
	bits := p.Addr().BitLen()
	ones := new(big.Int).Lsh(big.NewInt(1), uint(p.Bits()))
	ones.Sub(ones, big.NewInt(1)).Lsh(ones, uint(bits-p.Bits()))
	mask, _ := netip.AddrFromSlice(ones.FillBytes(make([]byte, bits/8)))
	out := jsondoc.NewObject("network", p.Addr().String(), "netmask", mask.String())
	last := lastAddress(p)
	if p.Addr().Is4() {
		out.Set("broadcast", last.String())
	}
	usable := last
	if firstUsable(p) == 1 {
		usable = last.Prev()
	}
	out.Set("firstUsable", offset(p.Addr(), big.NewInt(firstUsable(p))).String())
	out.Set("lastUsable", usable.String())
	out.Set("cidr", p.Bits())
	return out
}
