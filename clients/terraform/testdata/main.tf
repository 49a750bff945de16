# Every azurerm resource of API Management, with roles for it, in one configuration.

variable "changed" {
  description = "Whether the things that can change have changed."
  type        = bool
  default     = false
}

variable "pfx" { type = string }
variable "pfx_password" { type = string }

locals {
  word = var.changed ? "changed" : "first"
}

provider "azurerm" {
  features {
    api_management {
      purge_soft_delete_on_destroy = true
      recover_soft_deleted         = false
    }
  }
  resource_provider_registrations = "none"
}

data "azurerm_client_config" "me" {}

resource "azurerm_resource_group" "rg" {
  name     = "terraform"
  location = "westeurope"
  tags     = { word = local.word }
}

resource "azurerm_user_assigned_identity" "apim" {
  name                = "apim"
  location            = azurerm_resource_group.rg.location
  resource_group_name = azurerm_resource_group.rg.name
}

resource "azurerm_api_management" "apim" {
  name                = "terraform-apim"
  location            = azurerm_resource_group.rg.location
  resource_group_name = azurerm_resource_group.rg.name
  publisher_name      = "Contoso ${local.word}"
  publisher_email     = "ops@contoso.example"
  sku_name            = "Developer_1"

  identity {
    type         = "SystemAssigned, UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.apim.id]
  }
  protocols {
    http2_enabled = var.changed
  }
  sign_in {
    enabled = var.changed
  }
  sign_up {
    enabled = true
    terms_of_service {
      enabled          = var.changed
      consent_required = false
      text             = "Be nice."
    }
  }
  delegation {
    subscriptions_enabled     = true
    user_registration_enabled = false
    url                       = "https://sign.example/delegate"
    validation_key            = "aW50ZWdyYXRpb24gdGVzdCBrZXksIHNpeHR5LWZvdXIgYnl0ZXMgbG9uZyBpbmRlZWQsIHllcyE="
  }
  tenant_access {
    enabled = true
  }
  tags = { word = local.word }
}

# azurerm_api_management_custom_domain is missing: azurerm knows the domain of API Management only in its built-in clouds,
# and refuses that resource wherever a metadata host is named.

# Roles

resource "azurerm_role_definition" "calculator" {
  name        = "Calculator API Contributor"
  scope       = azurerm_api_management.apim.id
  description = local.word
  permissions {
    actions = ["Microsoft.ApiManagement/service/apis/write", "Microsoft.ApiManagement/service/apis/*/write", "Microsoft.ApiManagement/service/*/read"]
  }
  assignable_scopes = [azurerm_api_management.apim.id]
}

resource "azurerm_role_assignment" "calculator" {
  scope              = azurerm_api_management.apim.id
  role_definition_id = azurerm_role_definition.calculator.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.apim.principal_id
}

resource "azurerm_role_assignment" "reader" {
  scope                = azurerm_api_management.apim.id
  role_definition_name = "API Management Service Reader Role"
  principal_id         = azurerm_api_management.apim.identity[0].principal_id
}

# APIs

resource "azurerm_api_management_api_version_set" "orders" {
  name                = "orders"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  display_name        = "Orders"
  versioning_scheme   = "Segment"
  description         = local.word
}

resource "azurerm_api_management_api" "orders" {
  name                = "orders"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  revision            = "1"
  display_name        = "Orders ${local.word}"
  path                = "orders"
  protocols           = ["https"]
  service_url         = "https://orders.example"
  version             = "v1"
  version_set_id      = azurerm_api_management_api_version_set.orders.id
  description         = local.word
  subscription_key_parameter_names {
    header = "X-Key"
    query  = "key"
  }
  contact {
    email = "ops@contoso.example"
    name  = "Ops"
    url   = "https://contoso.example"
  }
  license {
    name = "Ours"
    url  = "https://contoso.example/license"
  }
}

resource "azurerm_api_management_api" "imported" {
  name                = "imported"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  revision            = "1"
  display_name        = "Imported"
  path                = "imported"
  protocols           = ["https"]
  import {
    content_format = "openapi+json"
    content_value = jsonencode({
      openapi = "3.0.1"
      info    = { title = "Imported", version = "1" }
      servers = [{ url = "https://imported.example" }]
      paths = { "/things/{id}" = { get = {
        operationId = "getThing"
        parameters  = [{ name = "id", in = "path", required = true, schema = { type = "string" } }]
        responses   = { "200" = { description = "a thing" } }
      } } }
    })
  }
}

resource "azurerm_api_management_api" "graph" {
  name                = "graph"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  revision            = "1"
  api_type            = "graphql"
  display_name        = "Graph"
  path                = "graph"
  protocols           = ["https"]
  service_url         = "https://graph.example"
}

resource "azurerm_api_management_api" "orders2" {
  name                 = "orders"
  api_management_name  = azurerm_api_management.apim.name
  resource_group_name  = azurerm_resource_group.rg.name
  revision             = "2"
  revision_description = "the second"
  source_api_id        = azurerm_api_management_api.orders.id
  display_name         = azurerm_api_management_api.orders.display_name
  path                 = azurerm_api_management_api.orders.path
  protocols            = ["https"]
  version              = "v1"
  version_set_id       = azurerm_api_management_api_version_set.orders.id
  description          = azurerm_api_management_api.orders.description
  lifecycle {
    ignore_changes = [source_api_id, service_url, subscription_key_parameter_names, contact, license]
  }
}

resource "azurerm_api_management_api_release" "orders" {
  name   = "first"
  api_id = azurerm_api_management_api.orders.id
  notes  = local.word
}

resource "azurerm_api_management_api_operation" "get" {
  operation_id        = "get-order"
  api_name            = azurerm_api_management_api.orders.name
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  display_name        = "Get an order"
  method              = "GET"
  url_template        = "/orders/{id}"
  description         = local.word
  template_parameter {
    name     = "id"
    type     = "number"
    required = true
  }
  request {
    description = "asks"
    header {
      name     = "X-Trace"
      type     = "string"
      required = false
    }
    query_parameter {
      name     = "expand"
      type     = "string"
      required = false
      values   = ["lines", "customer"]
    }
  }
  response {
    status_code = 200
    description = "the order"
    representation {
      content_type = "application/json"
      example {
        name    = "default"
        summary = "An order"
        value   = jsonencode({ id = 1 })
      }
    }
  }
}

resource "azurerm_api_management_api_operation_policy" "get" {
  operation_id        = azurerm_api_management_api_operation.get.operation_id
  api_name            = azurerm_api_management_api.orders.name
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  xml_content         = "<policies><inbound><base /><set-header name=\"X-Word\" exists-action=\"override\"><value>${local.word}</value></set-header></inbound></policies>"
}

resource "azurerm_api_management_api_operation_tag" "get" {
  name             = "finance"
  api_operation_id = azurerm_api_management_api_operation.get.id
  display_name     = azurerm_api_management_tag.finance.display_name # it writes the tag itself too
}

resource "azurerm_api_management_api_policy" "orders" {
  api_name            = azurerm_api_management_api.orders.name
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  xml_content         = <<XML
<policies>
  <inbound>
    <base />
    <find-and-replace from="xyz" to="${local.word}" />
  </inbound>
</policies>
XML
}

resource "azurerm_api_management_api_schema" "orders" {
  schema_id           = "orders"
  api_name            = azurerm_api_management_api.orders.name
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  content_type        = "application/vnd.ms-azure-apim.xsd+xml"
  value               = "<xsd:schema xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" targetNamespace=\"urn:${local.word}\"></xsd:schema>"
}

resource "azurerm_api_management_api_tag" "orders" {
  api_id = split(";", azurerm_api_management_api.orders.id)[0] # tag descriptions leave the revision out of this id
  name   = azurerm_api_management_tag.finance.name
}

resource "azurerm_api_management_api_tag_description" "orders" {
  api_tag_id                         = azurerm_api_management_api_tag.orders.id
  description                        = local.word
  external_documentation_url         = "https://docs.example"
  external_documentation_description = "more"
}

resource "azurerm_api_management_api_diagnostic" "orders" {
  identifier               = "applicationinsights"
  resource_group_name      = azurerm_resource_group.rg.name
  api_management_name      = azurerm_api_management.apim.name
  api_name                 = azurerm_api_management_api.orders.name
  api_management_logger_id = azurerm_api_management_logger.insights.id
  sampling_percentage      = var.changed ? 10.0 : 5.0
  always_log_errors        = true
  log_client_ip            = true
  verbosity                = "verbose"
  http_correlation_protocol = "W3C"
  frontend_request {
    body_bytes     = 32
    headers_to_log = ["content-type", "accept", "origin"]
  }
}

# Products, groups, users, subscriptions

resource "azurerm_api_management_tag" "finance" {
  api_management_id = azurerm_api_management.apim.id
  name              = "finance"
  display_name      = "Finance ${local.word}"
}

resource "azurerm_api_management_product" "gold" {
  product_id            = "gold"
  api_management_name   = azurerm_api_management.apim.name
  resource_group_name   = azurerm_resource_group.rg.name
  display_name          = "Gold"
  description           = local.word
  terms                 = "Be nice."
  subscription_required = true
  approval_required     = true
  subscriptions_limit   = 3
  published             = true
}

resource "azurerm_api_management_product_api" "gold" {
  product_id          = azurerm_api_management_product.gold.product_id
  api_name            = azurerm_api_management_api.orders.name
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
}

resource "azurerm_api_management_product_group" "gold" {
  product_id          = azurerm_api_management_product.gold.product_id
  group_name          = azurerm_api_management_group.editors.name
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
}

resource "azurerm_api_management_product_policy" "gold" {
  product_id          = azurerm_api_management_product.gold.product_id
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  xml_content         = "<policies><inbound><base /><rate-limit calls=\"5\" renewal-period=\"${var.changed ? 60 : 90}\" /></inbound></policies>"
}

resource "azurerm_api_management_product_tag" "gold" {
  api_management_product_id = azurerm_api_management_product.gold.product_id
  api_management_name       = azurerm_api_management.apim.name
  resource_group_name       = azurerm_resource_group.rg.name
  name                      = azurerm_api_management_tag.finance.name
}

resource "azurerm_api_management_group" "editors" {
  name                = "editors"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  display_name        = "Editors"
  description         = local.word
}

resource "azurerm_api_management_user" "ada" {
  user_id             = "ada"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  first_name          = "Ada"
  last_name           = "Lovelace"
  email               = "ada@contoso.example"
  state               = "active"
  note                = local.word
}

resource "azurerm_api_management_group_user" "ada" {
  user_id             = azurerm_api_management_user.ada.user_id
  group_name          = azurerm_api_management_group.editors.name
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
}

resource "azurerm_api_management_subscription" "ada" {
  subscription_id     = "ada-gold"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  user_id             = azurerm_api_management_user.ada.id
  product_id          = azurerm_api_management_product.gold.id
  display_name        = "Ada ${local.word}"
  state               = "active"
}

resource "azurerm_api_management_subscription" "api" {
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  api_id              = split(";", azurerm_api_management_api.orders.id)[0]
  display_name        = "Orders only"
}

# The building blocks

resource "azurerm_api_management_policy" "all" {
  api_management_id = azurerm_api_management.apim.id
  xml_content       = "<policies><inbound><include-fragment fragment-id=\"${azurerm_api_management_policy_fragment.limits.name}\" /></inbound><backend><forward-request /></backend><outbound /><on-error /></policies>"
}

resource "azurerm_api_management_policy_fragment" "limits" {
  api_management_id = azurerm_api_management.apim.id
  name              = "limits"
  description       = local.word
  format            = "xml"
  value             = "<fragment><set-header name=\"X-Word\" exists-action=\"override\"><value>${local.word}</value></set-header></fragment>"
}

resource "azurerm_api_management_named_value" "plain" {
  name                = "plain"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  display_name        = "plain"
  value               = local.word
  tags                = ["one", "two"]
}

resource "azurerm_api_management_named_value" "secret" {
  name                = "secret"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  display_name        = "secret"
  value               = local.word
  secret              = true
}

resource "azurerm_api_management_certificate" "identity" {
  name                = "identity"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  data                = var.pfx
  password            = var.pfx_password
}

resource "azurerm_api_management_backend" "engine" {
  name                = "engine"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  protocol            = "http"
  url                 = "https://engine.example/${local.word}"
  title               = "Engine"
  description         = local.word
  credentials {
    header = { "x-key" = "one,two" }
    query  = { "q" = "three" }
    authorization {
      scheme    = "Basic"
      parameter = "abc"
    }
  }
  tls {
    validate_certificate_chain = true
    validate_certificate_name  = false
  }
}

resource "azurerm_api_management_logger" "insights" {
  name                = "insights"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  description         = local.word
  application_insights {
    instrumentation_key = "11112222-3333-4444-5555-666677778888"
  }
  lifecycle {
    ignore_changes = [application_insights] # a secret: after an import azurerm would replace the logger
  }
}

resource "azurerm_api_management_diagnostic" "insights" {
  identifier               = "applicationinsights"
  resource_group_name      = azurerm_resource_group.rg.name
  api_management_name      = azurerm_api_management.apim.name
  api_management_logger_id = azurerm_api_management_logger.insights.id
  sampling_percentage      = var.changed ? 20.0 : 25.0
  always_log_errors        = true
}

resource "azurerm_api_management_redis_cache" "cache" {
  name              = "cache"
  api_management_id = azurerm_api_management.apim.id
  connection_string = "cache.example:6380,password=one,ssl=True"
  description       = local.word
  cache_location    = "westeurope"
}

resource "azurerm_api_management_global_schema" "invoice" {
  schema_id           = "invoice"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  type                = "json"
  description         = local.word
  value               = jsonencode({ type = "object", properties = { id = { type = "integer" } } })
}

resource "azurerm_api_management_authorization_server" "oauth" {
  name                         = "oauth"
  api_management_name          = azurerm_api_management.apim.name
  resource_group_name          = azurerm_resource_group.rg.name
  display_name                 = "OAuth"
  description                  = local.word
  authorization_endpoint       = "https://id.example/authorize"
  token_endpoint               = "https://id.example/token"
  client_id                    = "one"
  client_secret                = "two"
  client_registration_endpoint = "https://id.example/register"
  grant_types                  = ["authorizationCode"]
  authorization_methods        = ["GET", "POST"]
  bearer_token_sending_methods = ["authorizationHeader"]
  client_authentication_method = ["Basic"]
  default_scope                = "all"
}

resource "azurerm_api_management_openid_connect_provider" "openid" {
  name                = "openid"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  client_id           = "one"
  client_secret       = "two"
  display_name        = "OpenID"
  description         = local.word
  metadata_endpoint   = "https://id.example/.well-known/openid-configuration"
}

resource "azurerm_api_management_identity_provider_aad" "idp" {
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  client_id           = "11112222-3333-4444-5555-666677778888"
  client_secret       = local.word
  allowed_tenants     = [data.azurerm_client_config.me.tenant_id]
}

resource "azurerm_api_management_identity_provider_aadb2c" "idp" {
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  client_id           = "11112222-3333-4444-5555-666677778888"
  client_secret       = local.word
  allowed_tenant      = "contoso.onmicrosoft.com"
  signin_tenant       = "contoso.onmicrosoft.com"
  authority           = "contoso.b2clogin.com"
  signup_policy       = "B2C_1_Signup"
  signin_policy       = "B2C_1_Signin"
}

resource "azurerm_api_management_identity_provider_facebook" "idp" {
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  app_id              = "one"
  app_secret          = local.word
}

resource "azurerm_api_management_identity_provider_google" "idp" {
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  client_id           = "00000000.apps.googleusercontent.com"
  client_secret       = local.word
}

resource "azurerm_api_management_identity_provider_microsoft" "idp" {
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  client_id           = "11112222-3333-4444-5555-666677778888"
  client_secret       = local.word
}

resource "azurerm_api_management_identity_provider_twitter" "idp" {
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  api_key             = "one"
  api_secret_key      = local.word
}

resource "azurerm_api_management_email_template" "welcome" {
  template_name       = "NewDeveloperNotificationMessage"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  subject             = "Welcome, ${local.word}"
  body                = "<!DOCTYPE html>\n<html><body><p>Welcome</p></body></html>\n"
}

resource "azurerm_api_management_notification_recipient_email" "ops" {
  api_management_id = azurerm_api_management.apim.id
  notification_type = "AccountClosedPublisher"
  email             = "ops@contoso.example"
}

resource "azurerm_api_management_notification_recipient_user" "ada" {
  api_management_id = azurerm_api_management.apim.id
  notification_type = "AccountClosedPublisher"
  user_id           = azurerm_api_management_user.ada.user_id
}

# Gateways

resource "azurerm_api_management_gateway" "edge" {
  name              = "edge"
  api_management_id = azurerm_api_management.apim.id
  description       = local.word
  location_data {
    name     = "Berlin"
    city     = "Berlin"
    district = "Mitte"
    region   = "DE"
  }
}

resource "azurerm_api_management_gateway_api" "edge" {
  gateway_id = azurerm_api_management_gateway.edge.id
  api_id     = split(";", azurerm_api_management_api.orders.id)[0]
}

resource "azurerm_api_management_gateway_certificate_authority" "edge" {
  api_management_id = azurerm_api_management.apim.id
  certificate_name  = azurerm_api_management_certificate.identity.name
  gateway_name      = azurerm_api_management_gateway.edge.name
  is_trusted        = var.changed
}

resource "azurerm_api_management_gateway_host_name_configuration" "edge" {
  name              = "host"
  api_management_id = azurerm_api_management.apim.id
  gateway_name      = azurerm_api_management_gateway.edge.name
  certificate_id    = azurerm_api_management_certificate.identity.id
  host_name         = "edge.contoso.example"
  request_client_certificate_enabled = var.changed
  http2_enabled     = true
  tls10_enabled     = false
  tls11_enabled     = false
}

resource "azurerm_api_management_standalone_gateway" "shared" {
  name                = "shared"
  location            = azurerm_resource_group.rg.location
  resource_group_name = azurerm_resource_group.rg.name
  sku {
    name     = "WorkspaceGatewayPremium"
    capacity = 1
  }
  tags = { word = local.word }
}

# Workspaces

resource "azurerm_api_management" "premium" {
  name                = "terraform-premium"
  location            = azurerm_resource_group.rg.location
  resource_group_name = azurerm_resource_group.rg.name
  publisher_name      = "Contoso"
  publisher_email     = "ops@contoso.example"
  sku_name            = "Premium_1"
}

resource "azurerm_api_management_workspace" "team" {
  name              = "team"
  api_management_id = azurerm_api_management.premium.id
  display_name      = "Team"
  description       = local.word
}

resource "azurerm_api_management_workspace_api_version_set" "orders" {
  name                        = "orders"
  api_management_workspace_id = azurerm_api_management_workspace.team.id
  display_name                = "Orders"
  versioning_scheme           = "Header"
  version_header_name         = "X-Version"
  description                 = local.word
}

resource "azurerm_api_management_workspace_certificate" "identity" {
  name                        = "identity"
  api_management_workspace_id = azurerm_api_management_workspace.team.id
  certificate_data_base64     = var.pfx
  password                    = var.pfx_password
}

resource "azurerm_api_management_workspace_named_value" "plain" {
  name                        = "plain"
  api_management_workspace_id = azurerm_api_management_workspace.team.id
  display_name                = "plain"
  value                       = local.word
}

resource "azurerm_api_management_workspace_policy_fragment" "limits" {
  api_management_workspace_id = azurerm_api_management_workspace.team.id
  name                        = "limits"
  description                 = local.word
  xml_format                  = "xml"
  xml_content                 = "<fragment><set-header name=\"X-Word\" exists-action=\"override\"><value>${local.word}</value></set-header></fragment>"
}

resource "azurerm_api_management_workspace_policy" "all" {
  api_management_workspace_id = azurerm_api_management_workspace.team.id
  xml_content                 = "<policies><inbound><base /><include-fragment fragment-id=\"${azurerm_api_management_workspace_policy_fragment.limits.name}\" /></inbound></policies>"
}

# What others read

data "azurerm_api_management" "apim" {
  name                = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
}

data "azurerm_api_management_api" "orders" {
  name                = "orders"
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
  revision            = azurerm_api_management_api.orders.revision
}

data "azurerm_api_management_product" "gold" {
  product_id          = azurerm_api_management_product.gold.product_id
  api_management_name = azurerm_api_management.apim.name
  resource_group_name = azurerm_resource_group.rg.name
}

data "azurerm_api_management_gateway_host_name_configuration" "edge" {
  name              = azurerm_api_management_gateway_host_name_configuration.edge.name
  api_management_id = azurerm_api_management.apim.id
  gateway_name      = azurerm_api_management_gateway.edge.name
}

output "gateway" {
  value = data.azurerm_api_management.apim.gateway_url
}
