package feed

import (
	"encoding/json"
	"strings"

	"gatehouse/gateway/config"
)

func readAPI(d *document) (config.Entity, error) {
	var doc struct {
		*config.API
		VersionSet string `json:"apiVersionSetId"`
		Online     *bool  `json:"isOnline"`
		SignIn     struct {
			OAuth2 *signIn  `json:"oAuth2"`
			OpenID *signIn  `json:"openid"`
			Many   []signIn `json:"oAuth2AuthenticationSettings"`
			IDs    []signIn `json:"openidAuthenticationSettings"`
		} `json:"authenticationSettings"`
	}
	doc.API = &config.API{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	api := doc.API
	api.VersionSet = d.near(doc.VersionSet, "apiVersionSets")
	api.Offline = doc.Online != nil && !*doc.Online
	api.OAuth2 = d.signIns(doc.SignIn.OAuth2, doc.SignIn.Many)
	api.OpenID = d.signIns(doc.SignIn.OpenID, doc.SignIn.IDs)
	return api, nil
}

// signIn is a member of an API's authenticationSettings.
type signIn struct {
	Server   string   `json:"authorizationServerId"`
	Scope    string   `json:"scope"`
	Provider string   `json:"openidProviderId"`
	Sending  []string `json:"bearerTokenSendingMethods"`
}

func (d *document) signIns(one *signIn, many []signIn) (all []config.APISignIn) {
	if len(many) == 0 && one != nil {
		many = []signIn{*one}
	}
	for _, s := range many {
		server, family := s.Server, "authorizationServers"
		if s.Provider != "" {
			server, family = s.Provider, "openidConnectProviders"
		}
		name := server[strings.LastIndexByte(server, '/')+1:]
		all = append(all, config.APISignIn{Server: config.Key("").Child(family, name), Scope: s.Scope, Sending: s.Sending})
	}
	return all
}

func readOperation(d *document) (config.Entity, error) {
	o := &config.Operation{}
	err := d.properties(o)
	o.Order = d.created
	return o, err
}

func readDiagnostic(d *document) (config.Entity, error) {
	var doc struct {
		*config.Diagnostic
		Logger   string `json:"loggerId"`
		Sampling struct {
			Percentage *float64 `json:"percentage"`
		} `json:"sampling"`
	}
	doc.Diagnostic = &config.Diagnostic{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	doc.Diagnostic.Logger, doc.Diagnostic.Sampling = d.near(doc.Logger, "loggers"), doc.Sampling.Percentage
	return doc.Diagnostic, nil
}

// readSchema reads a schema of an API, whose text is in document.value, or a global one.
func readSchema(d *document) (config.Entity, error) {
	var doc struct {
		ContentType string          `json:"contentType"`
		Type        string          `json:"schemaType"`
		Value       json.RawMessage `json:"value"`
		Document    json.RawMessage `json:"document"`
	}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	s := &config.Schema{ContentType: doc.ContentType, Type: strings.ToLower(doc.Type), Document: doc.Document}
	text := doc.Value
	if doc.ContentType != "" {
		var inner struct {
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(doc.Document, &inner) == nil {
			text = inner.Value
		}
	}
	if json.Unmarshal(text, &s.Text) == nil && s.Text != "" {
		s.Document = nil
	}
	return s, nil
}

func readTool(d *document) (config.Entity, error) {
	var doc struct {
		*config.Tool
		Operation string `json:"operationId"`
	}
	doc.Tool = &config.Tool{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	doc.Tool.Operation = d.key(doc.Operation)
	return doc.Tool, nil
}

func readProduct(d *document) (config.Entity, error) {
	var doc struct {
		*config.Product
		State string `json:"state"`
	}
	doc.Product = &config.Product{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	doc.Product.Published = strings.EqualFold(doc.State, "published")
	return doc.Product, nil
}

// readLink reads a link by the name of its target, an entity of a family beside the holder: so many levels up.
func readLink(up int, family string) func(*document) (config.Entity, error) {
	return func(d *document) (config.Entity, error) {
		k := config.KeyOf(d.relative)
		holder := k
		for range up {
			holder = holder.Parent()
		}
		return &config.Link{To: holder.Child(family, k.Name())}, nil
	}
}

// readServiceGroup reads a link of a workspace's product to a group of the service.
func readServiceGroup(d *document) (config.Entity, error) {
	return &config.Link{To: config.Key("").Child("groups", config.KeyOf(d.relative).Name())}, nil
}

// readMember reads a membership: users are always those of the service.
func readMember(d *document) (config.Entity, error) {
	return &config.Link{To: config.Key("").Child("users", config.KeyOf(d.relative).Name())}, nil
}

func readApplicationProduct(d *document) (config.Entity, error) {
	var doc struct {
		Product string `json:"productId"`
	}
	err := d.properties(&doc)
	return &config.Link{To: d.near(doc.Product, "products")}, err
}

func readClientApplication(d *document) (config.Entity, error) {
	var doc struct {
		*config.ClientApplication
		Owner string `json:"ownerId"`
	}
	doc.ClientApplication = &config.ClientApplication{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	doc.ClientApplication.Owner = d.near(doc.Owner, "users")
	return doc.ClientApplication, nil
}

func readSubscription(d *document) (config.Entity, error) {
	var doc struct {
		*config.Subscription
		Scope string `json:"scope"`
		Owner string `json:"ownerId"`
	}
	doc.Subscription = &config.Subscription{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	if err != nil {
		return nil, err
	}
	s, key := doc.Subscription, config.KeyOf(d.relative)
	s.Owner, s.State = d.key(doc.Owner), strings.ToLower(s.State)
	s.Scope = d.key(doc.Scope)
	if holder := key.Workspace(); s.Scope == holder || s.Scope == holder+"/apis" || s.Scope == holder+"/products" {
		s.Scope = holder // all APIs of the holder
	} else if api, ok := s.Scope.Of("apis"); ok {
		s.Scope = plainAPI(api)
	}
	s.AllAccess = key == "/subscriptions/master"
	s.Primary, s.Secondary = secrets["properties.primaryKey"], secrets["properties.secondaryKey"]
	return s, nil
}

// plainAPI is the key of an API without its revision.
func plainAPI(k config.Key) config.Key {
	plain, _, _ := strings.Cut(string(k), ";rev=")
	return config.Key(plain)
}

func readNamedValue(d *document) (config.Entity, error) {
	v := &config.NamedValue{}
	var doc struct {
		DisplayName string    `json:"displayName"`
		Secret      bool      `json:"secret"`
		Vault       *struct{} `json:"keyVault"`
	}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	if err != nil {
		return nil, err
	}
	value, there := secrets["properties.value"]
	v.DisplayName, v.Secret, v.Value, v.Missing = doc.DisplayName, doc.Secret, value, !there
	return v, nil
}

func readLogger(d *document) (config.Entity, error) {
	var doc struct {
		*config.Logger
		Buffered *bool `json:"isBuffered"`
	}
	doc.Logger = &config.Logger{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	doc.Logger.Unbuffered = doc.Buffered != nil && !*doc.Buffered
	return doc.Logger, nil
}

func readGateway(d *document) (config.Entity, error) {
	var doc struct {
		Location struct {
			Name string `json:"name"`
		} `json:"locationData"`
		Description string `json:"description"`
	}
	err := d.properties(&doc)
	return &config.Gateway{Region: doc.Location.Name, Description: doc.Description}, err
}

func readGatewayHost(d *document) (config.Entity, error) {
	var doc struct {
		*config.GatewayHost
		Certificate string `json:"certificateId"`
	}
	doc.GatewayHost = &config.GatewayHost{}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	doc.GatewayHost.Certificate = d.near(doc.Certificate, "certificates")
	return doc.GatewayHost, nil
}

func readDebugKey(d *document) (config.Entity, error) {
	secrets, err := d.secrets()
	return &config.DebugKey{Secret: secrets["key"]}, err
}
