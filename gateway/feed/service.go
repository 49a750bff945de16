package feed

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway/config"
)

// readService reads the document of a service.
func readService(d *document) (*config.Service, error) {
	var doc struct {
		Location string     `json:"location"`
		SKU      config.SKU `json:"sku"`
		Identity struct {
			Principal string `json:"principalId"`
			Tenant    string `json:"tenantId"`
			Assigned  map[string]struct {
				Principal string `json:"principalId"`
				Client    string `json:"clientId"`
			} `json:"userAssignedIdentities"`
		} `json:"identity"`
		Properties struct {
			Hosts       []config.HostName `json:"hostnameConfigurations"`
			Authorities []struct {
				Store string `json:"storeName"`
			} `json:"certificates"`
			Settings           map[string]string `json:"customProperties"`
			ClientCertificates bool              `json:"enableClientCertificate"`
			Disabled           bool              `json:"disableGateway"`
			Created            string            `json:"createdAtUtc"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(d.body, &doc); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	if err != nil {
		return nil, err
	}
	props := &doc.Properties
	s := &config.Service{Resource: d.service.String(), Statistics: d.service.Scope().String() + " " + props.Created, Location: regionOf(doc.Location), SKU: doc.SKU,
		Settings: props.Settings, ClientCertificates: props.ClientCertificates, Disabled: props.Disabled}
	s.SetID("")
	for i, host := range props.Hosts {
		at := fmt.Sprintf("properties.hostnameConfigurations[%d].", i)
		host.Host, host.Password = strings.ToLower(host.Host), secrets[at+"certificatePassword"]
		if host.PFX, err = decoded(secrets[at+"encodedCertificate"]); err != nil {
			return nil, err
		}
		s.Hosts = append(s.Hosts, host)
	}
	for i, a := range props.Authorities {
		at := fmt.Sprintf("properties.certificates[%d].", i)
		data, err := decoded(secrets[at+"encodedCertificate"])
		if err != nil {
			return nil, err
		}
		s.CAs = append(s.CAs, config.CACertificate{Store: a.Store, Data: data, Password: secrets[at+"certificatePassword"]})
	}
	if doc.Identity.Principal != "" {
		s.Identities = append(s.Identities, config.Identity{Principal: doc.Identity.Principal, Tenant: doc.Identity.Tenant})
	}
	for _, id := range slices.Sorted(maps.Keys(doc.Identity.Assigned)) {
		one := doc.Identity.Assigned[id]
		s.Identities = append(s.Identities, config.Identity{Resource: id, Principal: one.Principal, Client: one.Client, Tenant: doc.Identity.Tenant})
	}
	return s, nil
}
