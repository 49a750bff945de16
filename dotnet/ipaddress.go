package dotnet

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseIPAddress is IPAddress.Parse: IPv6, and IPv4 in one to four parts, each decimal, octal or hexadecimal, as inet_aton
// has it.
func ParseIPAddress(s string) (netip.Addr, error) {
	bad := func() (netip.Addr, error) {
		return netip.Addr{}, formatError("An invalid IP address was specified.")
	}
	if strings.Contains(s, ":") {
		text := s
		if strings.HasPrefix(s, "[") {
			text, _, _ = strings.Cut(s[1:], "]")
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			return bad()
		}
		return a, nil
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return bad()
	}
	var sum uint64
	for i, part := range parts {
		if part == "" || strings.ContainsAny(part, "_+-") || strings.HasPrefix(strings.ToLower(part), "0b") || strings.HasPrefix(strings.ToLower(part), "0o") {
			return bad()
		}
		n, err := strconv.ParseUint(part, 0, 32)
		if err != nil {
			return bad()
		}
		if i < len(parts)-1 {
			if n > 255 {
				return bad()
			}
			sum |= n << (24 - 8*i)
			continue
		}
		if n >= 1<<(32-8*i) {
			return bad()
		}
		sum |= n
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), nil
}

// IPAddressString is IPAddress.ToString: an IPv6 address that holds an IPv4 one in its last four bytes shows it so.
func IPAddressString(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() && a.Zone() == "" {
		b := a.As16()
		if [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0) {
			return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
		}
	}
	return a.String()
}
