provider "azurerm" {
  features {}
  resource_provider_registrations = "none"
}

data "azurerm_api_management" "contoso" {
  name                = "contoso-apim"
  resource_group_name = "rg-apis"
}

resource "azurerm_api_management_api" "prices" {
  name                = "prices"
  api_management_name = data.azurerm_api_management.contoso.name
  resource_group_name = data.azurerm_api_management.contoso.resource_group_name
  revision            = "1"
  display_name        = "Prices"
  path                = "prices"
  protocols           = ["https"]
  service_url         = "https://prices.example"
}

resource "azurerm_api_management_api_operation" "get" {
  operation_id        = "get-price"
  api_name            = azurerm_api_management_api.prices.name
  api_management_name = data.azurerm_api_management.contoso.name
  resource_group_name = data.azurerm_api_management.contoso.resource_group_name
  display_name        = "Get a price"
  method              = "GET"
  url_template        = "/prices"
}

resource "azurerm_api_management_api_policy" "prices" {
  api_name            = azurerm_api_management_api.prices.name
  api_management_name = data.azurerm_api_management.contoso.name
  resource_group_name = data.azurerm_api_management.contoso.resource_group_name
  xml_content         = "<policies><inbound><base /></inbound></policies>"
  depends_on          = [azurerm_api_management_named_value.key]
}

resource "azurerm_api_management_named_value" "key" {
  name                = "prices-key"
  api_management_name = data.azurerm_api_management.contoso.name
  resource_group_name = data.azurerm_api_management.contoso.resource_group_name
  display_name        = "prices-key"
  value               = "open sesame"
  secret              = true
}
