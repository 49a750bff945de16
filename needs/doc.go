// Package needs says which permissions something that is about to run asks for, and at which scopes: a Terraform plan,
// an ARM template, an API Management policy, or a recording of a run. Compare sets that beside what a principal has,
// and Propose names the smallest role that would do.
//
// What a plan needs follows from tables (azurerm.txt), which were tried with the real provider; what they do not know
// is listed in Requirements.Unknown and never guessed. A recording is exact for what was recorded and says nothing of
// what was not.
package needs
