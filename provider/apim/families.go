package apim

import "gatehouse/arm"

// serviceModel is the body of a service (apim-control-plane.md 2.1).
const serviceModel = `
	location string max=90
	tags     map
	sku.name     enum(Developer|Standard|Premium|Basic|Consumption|Isolated|BasicV2|StandardV2|PremiumV2) required
	sku.capacity int
	identity any
	zones    array(string)
	properties.publisherEmail          string required max=100
	properties.publisherName           string required max=100
	properties.notificationSenderEmail string max=100
	properties.hostnameConfigurations  array(object) max=20
	properties.hostnameConfigurations[].type                enum(Proxy|Portal|Management|Scm|DeveloperPortal|ConfigurationApi) required
	properties.hostnameConfigurations[].hostName            string required
	properties.hostnameConfigurations[].keyVaultId          string
	properties.hostnameConfigurations[].identityClientId    string
	properties.hostnameConfigurations[].encodedCertificate  string secret
	properties.hostnameConfigurations[].certificatePassword string secret
	properties.hostnameConfigurations[].defaultSslBinding   bool default=false
	properties.hostnameConfigurations[].negotiateClientCertificate bool default=false
	properties.hostnameConfigurations[].certificate         any
	properties.hostnameConfigurations[].certificateSource   string
	properties.hostnameConfigurations[].certificateStatus   string
	properties.customProperties        map
	properties.certificates            array(object) max=10
	properties.certificates[].encodedCertificate  string secret
	properties.certificates[].certificatePassword string secret
	properties.certificates[].storeName           enum(CertificateAuthority|Root) required
	properties.certificates[].certificate         any
	properties.enableClientCertificate bool
	properties.disableGateway          bool default=false
	properties.virtualNetworkType      enum(None|External|Internal) default="None"
	properties.virtualNetworkConfiguration.subnetResourceId string pattern=^/subscriptions/[^/]*/resource[Gg]roups/[^/]*/providers/Microsoft.(ClassicNetwork|Network)/virtualNetworks/[^/]*/subnets/[^/]*$
	properties.additionalLocations     array(object) max=50
	properties.additionalLocations[].location          string required
	properties.additionalLocations[].sku.name          string
	properties.additionalLocations[].sku.capacity      int
	properties.additionalLocations[].zones             array(string)
	properties.additionalLocations[].publicIpAddressId string
	properties.additionalLocations[].natGatewayState   enum(Enabled|Disabled)
	properties.additionalLocations[].disableGateway    bool default=false
	properties.additionalLocations[].virtualNetworkConfiguration.subnetResourceId string
	properties.apiVersionConstraint.minApiVersion string
	properties.publicNetworkAccess     enum(Enabled|Disabled) default="Enabled"
	properties.publicIpAddressId       string
	properties.natGatewayState         enum(Enabled|Disabled|Unsupported) default="Unsupported" since=2022-04-01-preview
	properties.legacyPortalStatus      enum(Enabled|Disabled) default="Disabled" since=2023-09-01-preview
	properties.developerPortalStatus   enum(Enabled|Disabled) default="Enabled"
	properties.configurationApi        any
	properties.restore                 bool
	properties.createdAtUtc            string readonly
	properties.provisioningState any readonly
	properties.targetProvisioningState any readonly
	properties.platformVersion any readonly
	properties.gatewayUrl any readonly
	properties.gatewayRegionalUrl any readonly
	properties.portalUrl any readonly
	properties.developerPortalUrl any readonly
	properties.managementApiUrl any readonly
	properties.scmUrl any readonly
	properties.publicIPAddresses any readonly
	properties.privateIPAddresses any readonly
	properties.privateEndpointConnections any readonly
`

// families are what a service holds.
func (p *provider) families() []*arm.Type {
	return []*arm.Type{
		allPolicies(),
		p.apis(
			p.operations(operationTags()),
			operationsByTags(),
			apiProducts(),
			apiTags(),
			diagnostics(),
			tagDescriptions(),
			issues(),
			wikis("service/apis/wikis/default"),
			p.resolvers(),
		),
		apisByTags(),
		allIssues(),
		versionSets(),
		p.authorizationProviders(),
		authorizationServers(),
		backends(),
		caches(),
		certificates(),
		clientApplications(),
		diagnostics(),
		documentations(),
		identityProviders(),
		groups(),
		loggers(),
		p.gateways(),
		namedValues(),
		notifications(),
		openIDProviders(),
		p.policies(),
		policyDescriptions(),
		policyFragments(),
		policyRestrictions(),
		contentTypes(),
		portalConfigs(),
		portalRevisions(),
		portalSettings(),
		publicSettings(),
		networkStatus(),
		outboundDependencies(),
		privateEndpoints(),
		privateLinks(),
		p.products(
			productAPILinks(),
			productAPIs(),
			productGroupLinks(),
			productGroups(),
			productSubscriptions(),
			productTags(),
			wikis("service/products/wikis/default"),
		),
		productsByTags(),
		globalSchemas(),
		regions(),
		skusOfService(),
		subscriptions(),
		p.quotas(),
		p.reportTypes(),
		tagResources(),
		tags(),
		templates(),
		tenant(),
		p.users(),
		p.workspaces(),
		workspaceLinks(),
	}
}
