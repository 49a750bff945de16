package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// ownDomain is where services and gateways have the hosts that they come with.
const ownDomain = ".azure-api.net"

// builtInHost is the host that a service comes with.
func builtInHost(service gatehouse.ID) string {
	return strings.ToLower(service.Name()) + ownDomain
}

// ownHost reports whether a host in ownDomain is one of those of a service.
func ownHost(service gatehouse.ID, host string) bool {
	name := strings.ToLower(service.Name())
	return slices.Contains([]string{name, name + ".portal", name + ".developer", name + ".management", name + ".scm"}, strings.TrimSuffix(host, ownDomain))
}

// hostsOf are the hosts of a service, in small letters.
func hostsOf(service *arm.Resource) (hosts []string) {
	if service == nil {
		return nil
	}
	for _, v := range service.Props().Array("hostnameConfigurations") {
		o, _ := v.(*jsondoc.Object)
		hosts = append(hosts, strings.ToLower(o.String("hostName")))
	}
	return hosts
}

// takenHost returns one of hosts that another service or gateway of the installation has, or
// comes with, whoever that belongs to: requests are told apart by their host alone. "" is none.
func takenHost(op *arm.Op, r store.Reader, by gatehouse.ID, hosts []string) (string, error) {
	for _, host := range hosts {
		if strings.HasSuffix(host, ownDomain) && !(by.Type() == serviceType && ownHost(by, host)) {
			return host, nil
		}
	}
	if !slices.ContainsFunc(hosts, func(host string) bool { return !strings.HasSuffix(host, ownDomain) }) {
		return "", nil
	}
	for _, kind := range []string{serviceType, gatewayType + "/hostnameBindings"} {
		page, err := r.List(op.Context, store.Query{Type: kind})
		if err != nil {
			return "", err
		}
		for _, d := range page.Documents {
			if d.Key() == by.Scope() {
				continue
			}
			other, err := arm.FromDocument(d)
			if err != nil {
				return "", err
			}
			for _, host := range append(hostsOf(other), strings.ToLower(other.Props().String("hostname"))) {
				if host != "" && slices.Contains(hosts, host) {
					return host, nil
				}
			}
		}
	}
	return "", nil
}

// freeHosts refuses hosts of a service that others have. What it had before stays.
func freeHosts(op *arm.Op, r store.Reader, old, next *arm.Resource) error {
	had := hostsOf(old)
	host, err := takenHost(op, r, next.ID, slices.DeleteFunc(hostsOf(next), func(host string) bool { return slices.Contains(had, host) }))
	if err != nil || host == "" {
		return err
	}
	return validation("hostnameConfigurations", "the hostname '%s' is in use; choose another one", host)
}
