package graph

import (
	"gatehouse"
	"gatehouse/directory"
)

// The shapes a field's value can have.
type shape uint8

const (
	text   shape = iota
	texts        // list of texts
	truth        // true or false
	moment       // a timestamp
	guid         // an object identifier
	object       // an object; a patch merges into it
	list         // a list of objects or anything else
)

// What else can be said of a field.
type flag uint8

const (
	readonly flag = 1 << iota // the server's; ignored in requests, as clients send back what they read
	required                  // at creation, and never null
	hidden                    // answered only when $select names it
	handled                   // a hook stores it, the generic verbs do not
)

// field is one member of a kind of object.
type field struct {
	name    string
	shape   shape
	flags   flag
	max     int    // characters of a text; 0 for 256
	preset  any    // at creation
	filter  string // operators of $filter; none when empty
	members string // of an object: what is answered when it does not say, as JSON
}

// declare makes the fields of a kind quick to find.
func declare(k *kind) *kind {
	k.named = make(map[string]*field, len(k.fields))
	for i := range k.fields {
		k.named[gatehouse.Fold(k.fields[i].name)] = &k.fields[i]
	}
	return k
}

const (
	equal    = "eq ne in"
	search   = "eq ne in startswith endswith contains ge le gt lt"
	anyEqual = "any eq startswith"
	times    = "eq ne ge le gt lt"
)

// kind is a type of directory object. Everything generic about it is here.
type kind struct {
	name   string // path segment
	single string // as in @odata.type #microsoft.graph.user
	title  string // as in messages
	doc    string // type of its documents
	id     func(gatehouse.GUID) gatehouse.ID
	fields []field
	named  map[string]*field // by folded name
}

// Objects that Graph answers with all their members, set or not.
const (
	infoMembers      = `{"logoUrl":null,"marketingUrl":null,"privacyStatementUrl":null,"supportUrl":null,"termsOfServiceUrl":null}`
	publisherMembers = `{"displayName":null,"verifiedPublisherId":null,"addedDateTime":null}`
)

// The object types (Microsoft Graph v1.0 resource reference). Fields that are not
// listed are kept and answered as they were sent: Graph has hundreds, and refusing
// one that it knows would break a client.
var (
	users = declare(&kind{
		name: "users", single: "user", title: "User", doc: directory.UserType, id: directory.UserID,
		fields: []field{
			{name: "businessPhones", shape: texts},
			{name: "displayName", flags: required, filter: search},
			{name: "givenName", max: 64, filter: search},
			{name: "jobTitle", max: 128, filter: search},
			{name: "mail", max: 320, filter: search},
			{name: "mobilePhone", max: 64},
			{name: "officeLocation", max: 128, filter: search},
			{name: "preferredLanguage", max: 64, filter: equal},
			{name: "surname", max: 64, filter: search},
			{name: "userPrincipalName", flags: required, max: 320, filter: search},
			{name: "id", shape: guid, flags: readonly, filter: "eq in"},
			{name: "accountEnabled", shape: truth, flags: required | hidden, filter: equal},
			{name: "mailNickname", flags: required | hidden, max: 64, filter: search},
			{name: "passwordProfile", shape: object, flags: hidden | handled},
			{name: "passwordPolicies", flags: hidden},
			{name: "userType", flags: hidden, preset: "Member", filter: equal},
			{name: "createdDateTime", shape: moment, flags: readonly | hidden, filter: times},
			{name: "deletedDateTime", shape: moment, flags: readonly | hidden},
			{name: "lastPasswordChangeDateTime", shape: moment, flags: readonly | hidden},
			{name: "signInSessionsValidFromDateTime", shape: moment, flags: readonly | hidden},
			{name: "securityIdentifier", flags: readonly | hidden},
			{name: "onPremisesSyncEnabled", shape: truth, flags: readonly | hidden, filter: equal},
			{name: "onPremisesImmutableId", flags: hidden, filter: equal},
			{name: "city", flags: hidden, max: 128, filter: search},
			{name: "companyName", flags: hidden, max: 64, filter: search},
			{name: "country", flags: hidden, max: 128, filter: search},
			{name: "department", flags: hidden, max: 64, filter: search},
			{name: "employeeId", flags: hidden, max: 16, filter: search},
			{name: "employeeType", flags: hidden, filter: search},
			{name: "faxNumber", flags: hidden},
			{name: "otherMails", shape: texts, flags: hidden, filter: anyEqual},
			{name: "postalCode", flags: hidden, max: 40},
			{name: "proxyAddresses", shape: texts, flags: readonly | hidden, filter: anyEqual},
			{name: "showInAddressList", shape: truth, flags: hidden},
			{name: "state", flags: hidden, max: 128, filter: search},
			{name: "streetAddress", flags: hidden, max: 1024},
			{name: "usageLocation", flags: hidden, max: 2, filter: equal},
			{name: "ageGroup", flags: hidden},
			{name: "consentProvidedForMinor", flags: hidden},
			{name: "identities", shape: list, flags: hidden},
		},
	})
	groups = declare(&kind{
		name: "groups", single: "group", title: "Group", doc: directory.GroupType, id: directory.GroupID,
		fields: []field{
			{name: "id", shape: guid, flags: readonly, filter: "eq in"},
			{name: "deletedDateTime", shape: moment, flags: readonly},
			{name: "classification", max: 64},
			{name: "createdDateTime", shape: moment, flags: readonly, filter: times},
			{name: "description", max: 1024, filter: search},
			{name: "displayName", flags: required, filter: search},
			{name: "expirationDateTime", shape: moment, flags: readonly},
			{name: "groupTypes", shape: texts, filter: anyEqual},
			{name: "isAssignableToRole", shape: truth, filter: equal},
			{name: "mail", flags: readonly, filter: search},
			{name: "mailEnabled", shape: truth, flags: required, filter: equal},
			{name: "mailNickname", flags: required, max: 64, filter: search},
			{name: "membershipRule", max: 3072},
			{name: "membershipRuleProcessingState", filter: equal},
			{name: "onPremisesSyncEnabled", shape: truth, flags: readonly, filter: equal},
			{name: "preferredLanguage"},
			{name: "proxyAddresses", shape: texts, flags: readonly, filter: anyEqual},
			{name: "renewedDateTime", shape: moment, flags: readonly},
			{name: "resourceBehaviorOptions", shape: texts},
			{name: "resourceProvisioningOptions", shape: texts},
			{name: "securityEnabled", shape: truth, flags: required, filter: equal},
			{name: "securityIdentifier", flags: readonly},
			{name: "theme"},
			{name: "visibility"},
		},
	})
	applications = declare(&kind{
		name: "applications", single: "application", title: "Application", doc: directory.ApplicationType, id: directory.ApplicationID,
		fields: []field{
			{name: "id", shape: guid, flags: readonly, filter: "eq in"},
			{name: "deletedDateTime", shape: moment, flags: readonly},
			{name: "appId", shape: guid, flags: readonly, filter: "eq in"},
			{name: "applicationTemplateId", flags: readonly},
			{name: "createdDateTime", shape: moment, flags: readonly, filter: times},
			{name: "displayName", flags: required, filter: search},
			{name: "description", max: 1024, filter: search},
			{name: "groupMembershipClaims"},
			{name: "identifierUris", shape: texts, filter: anyEqual},
			{name: "isDeviceOnlyAuthSupported", shape: truth},
			{name: "isFallbackPublicClient", shape: truth},
			{name: "notes", max: 1024},
			{name: "publisherDomain", flags: readonly, filter: equal},
			{name: "serviceManagementReference"},
			{name: "signInAudience", preset: "AzureADMyOrg", filter: equal},
			{name: "tags", shape: texts, filter: anyEqual},
			{name: "tokenEncryptionKeyId", shape: guid},
			{name: "samlMetadataUrl", max: 2048},
			{name: "oauth2RequirePostResponse", shape: truth, flags: hidden},
			{name: "addIns", shape: list},
			{name: "api", shape: object, members: `{"acceptMappedClaims":null,"knownClientApplications":[],"requestedAccessTokenVersion":null,"oauth2PermissionScopes":[],"preAuthorizedApplications":[]}`},
			{name: "appRoles", shape: list},
			{name: "info", shape: object, members: infoMembers},
			{name: "keyCredentials", shape: list, flags: handled},
			{name: "optionalClaims", shape: object},
			{name: "parentalControlSettings", shape: object, members: `{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"}`},
			{name: "passwordCredentials", shape: list, flags: handled},
			{name: "publicClient", shape: object, members: `{"redirectUris":[]}`},
			{name: "requiredResourceAccess", shape: list},
			{name: "spa", shape: object, members: `{"redirectUris":[]}`},
			{name: "verifiedPublisher", shape: object, flags: readonly, members: publisherMembers},
			{name: "web", shape: object, members: `{"homePageUrl":null,"logoutUrl":null,"redirectUris":[],"implicitGrantSettings":{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":false},"redirectUriSettings":[]}`},
		},
	})
	servicePrincipals = declare(&kind{
		name: "servicePrincipals", single: "servicePrincipal", title: "ServicePrincipal",
		doc: directory.ServicePrincipalType, id: directory.ServicePrincipalID,
		fields: []field{
			{name: "id", shape: guid, flags: readonly, filter: "eq in"},
			{name: "deletedDateTime", shape: moment, flags: readonly},
			{name: "accountEnabled", shape: truth, preset: true, filter: equal},
			{name: "alternativeNames", shape: texts, filter: anyEqual},
			{name: "appDescription", flags: readonly},
			{name: "appDisplayName", flags: readonly, filter: search},
			{name: "appId", shape: guid, flags: handled, filter: "eq in"},
			{name: "appOwnerOrganizationId", shape: guid, flags: readonly, filter: "eq"},
			{name: "appRoleAssignmentRequired", shape: truth, preset: false},
			{name: "createdDateTime", shape: moment, flags: readonly, filter: times},
			{name: "description", max: 1024},
			{name: "disabledByMicrosoftStatus", flags: readonly},
			{name: "displayName", filter: search},
			{name: "homepage", max: 2048, filter: search},
			{name: "loginUrl", max: 2048},
			{name: "logoutUrl", max: 2048},
			{name: "notes", max: 1024},
			{name: "notificationEmailAddresses", shape: texts},
			{name: "preferredSingleSignOnMode"},
			{name: "preferredTokenSigningKeyThumbprint"},
			{name: "replyUrls", shape: texts},
			{name: "samlMetadataUrl", max: 2048, flags: hidden},
			{name: "servicePrincipalNames", shape: texts, flags: readonly, filter: anyEqual},
			{name: "servicePrincipalType", flags: readonly, filter: equal},
			{name: "signInAudience", flags: readonly},
			{name: "tags", shape: texts, filter: anyEqual},
			{name: "tokenEncryptionKeyId", shape: guid},
			{name: "addIns", shape: list},
			{name: "appRoles", shape: list, flags: readonly},
			{name: "info", shape: object, flags: readonly, members: infoMembers},
			{name: "keyCredentials", shape: list, flags: handled},
			{name: "oauth2PermissionScopes", shape: list, flags: readonly},
			{name: "passwordCredentials", shape: list, flags: handled},
			{name: "resourceSpecificApplicationPermissions", shape: list, flags: readonly},
			{name: "verifiedPublisher", shape: object, flags: readonly, members: publisherMembers},
			{name: "samlSingleSignOnSettings", shape: object},
		},
	})
	federated = declare(&kind{
		name: "federatedIdentityCredentials", single: "federatedIdentityCredential", title: "FederatedIdentityCredential", doc: directory.FederatedType,
		fields: []field{
			{name: "id", shape: guid, flags: readonly, filter: "eq"},
			{name: "name", flags: required, max: 120, filter: equal},
			{name: "issuer", flags: required, max: 600, filter: equal},
			{name: "subject", flags: required, max: 600, filter: equal},
			{name: "description", max: 600},
			{name: "audiences", shape: texts, flags: required},
		},
	})
	roleAssignments = declare(&kind{
		name: "roleAssignments", single: "unifiedRoleAssignment", title: "UnifiedRoleAssignment",
		doc: directory.RoleAssignmentType, id: directory.RoleAssignmentID,
		fields: []field{
			{name: "id", shape: guid, flags: readonly, filter: "eq"},
			{name: "principalId", shape: guid, flags: required, filter: "eq in"},
			{name: "directoryScopeId", preset: "/", filter: "eq"},
			{name: "appScopeId"},
			{name: "roleDefinitionId", shape: guid, flags: required, filter: "eq in"},
		},
	})
)

// directoryKinds are the kinds that directoryObjects and mixed lists are made of.
var directoryKinds = []*kind{users, groups, servicePrincipals, applications}

// relation is a list of objects that documents below an object hold.
type relation struct {
	of     *kind
	name   string
	doc    string
	link   func(holder, target gatehouse.GUID) gatehouse.ID
	allows []*kind
	// keepLast refuses to remove the last one: a group keeps an owner once it has one.
	keepLast bool
}

var relations = []*relation{
	{of: groups, name: "members", doc: directory.GroupMemberType, link: directory.MemberID, allows: []*kind{users, groups, servicePrincipals}},
	{of: groups, name: "owners", doc: directory.GroupOwnerType, link: directory.GroupOwnerID, allows: []*kind{users, servicePrincipals}, keepLast: true},
	{of: applications, name: "owners", doc: directory.ApplicationOwnerType, link: directory.ApplicationOwnerID, allows: []*kind{users, servicePrincipals}},
	{of: servicePrincipals, name: "owners", doc: directory.ServicePrincipalOwnerType, link: directory.ServicePrincipalOwnerID, allows: []*kind{users, servicePrincipals}},
}

// hooksOf returns what is particular to a kind. It is a function because the hooks refer to the kinds.
func hooksOf(k *kind) hooks {
	switch k {
	case users:
		return hooks{before: userBefore, within: userWithin, drop: userDrop}
	case groups:
		return hooks{before: groupBefore, within: groupWithin}
	case applications:
		return hooks{before: applicationBefore, within: applicationWithin, drop: applicationDrop}
	case servicePrincipals:
		return hooks{before: principalBefore, within: principalWithin, drop: principalDrop}
	case roleAssignments:
		return hooks{before: roleBefore, within: roleWithin, drop: roleDrop}
	}
	return hooks{}
}
