// Package evidence makes proof that leaves the house: checkpoints of the change log,
// bundles of who changed what and who had access to what, manifests of backups. All of
// it is signed with one Ed25519 key of the installation and checked without it: the
// public key is enough, no server and no data directory is needed.
//
// It promises that whoever changes a byte of what was signed is found out, and that
// the log cannot be cut or written anew behind a checkpoint that somebody else keeps.
// It leaves to others what is worth saying, and who may ask for it.
package evidence
