package expr

import (
	"net/netip"

	"gatehouse/dotnet"
)

// System.Net.IPAddress: the members that the allow-list names (policy-expressions.md 8). The enumeration that AddressFamily gives is
// on no list, but documents compare with it by its full name.

var ipAddressType, addressFamilyType = new(Type), new(Type)

// ipAddress is an IPAddress; it does not change.
type ipAddress struct{ netip.Addr }

func (*ipAddress) dotnetType() *Type { return ipAddressType }

func (a *ipAddress) family() Value {
	if a.Is4() {
		return Number(addressFamilyType, 2) // InterNetwork
	}
	return Number(addressFamilyType, 23) // InterNetworkV6
}

func parseIP(v Value) (Value, error) {
	s, err := given(v, "ipString")
	if err != nil {
		return Null, err
	}
	a, err := dotnet.ParseIPAddress(s)
	if err != nil {
		return Null, err
	}
	return Value{&ipAddress{a}, 0}, nil
}

var netDecls = []Decl{
	{Head: "enum System.Net.Sockets.AddressFamily { Unknown = -1, Unspecified = 0, Unix = 1, InterNetwork = 2, InterNetworkV6 = 23 }", Type: addressFamilyType},
	{Head: "class System.Net.IPAddress", Type: ipAddressType, Refused: ".ctor Address Any Broadcast HostToNetworkOrder IPv6Any IPv6Loopback IPv6None IsIPv4MappedToIPv6 IsIPv6LinkLocal IsIPv6Multicast " +
		"IsIPv6SiteLocal IsIPv6Teredo IsIPv6UniqueLocal Loopback MapToIPv4 MapToIPv6 NetworkToHostOrder None ScopeId TryFormat TryWriteBytes", Members: members{
		m("static IPAddress Parse(string ipString)", func(_ *Frame, a []Value) (Value, error) { return parseIP(a[0]) }),
		m("static bool TryParse(string ipString, out IPAddress address)", func(_ *Frame, a []Value) (Value, error) {
			v, err := parseIP(a[0])
			a[1] = v
			return Bool(err == nil), nil
		}),
		m("static bool IsLoopback(IPAddress address)", func(_ *Frame, a []Value) (Value, error) {
			x, ok := a[0].ref.(*ipAddress)
			if !ok {
				return Null, dotnet.ArgumentNull("address")
			}
			return Bool(x.Unmap().IsLoopback()), nil
		}),
		m("AddressFamily AddressFamily { get; }", of((*ipAddress).family)),
		m("byte[] GetAddressBytes()", of(func(x *ipAddress) Value { return Bytes(x.AsSlice()) })),
		m("bool Equals(object comparand)", func(_ *Frame, a []Value) (Value, error) {
			y, ok := a[1].ref.(*ipAddress)
			return Bool(ok && a[0].ref.(*ipAddress).Addr == y.Addr), nil
		}),
		m("int GetHashCode()", of(func(x *ipAddress) Value { return Int(int(dotnet.HashCode(x.String()))) })),
		m("string ToString()", of(func(x *ipAddress) Value { return String(dotnet.IPAddressString(x.Addr)) })),
	}},
}
