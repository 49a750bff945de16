package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// topics are pages of help that belong to no command.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "environment", Short: "Variables that gatehouse reads and prints", Long: environmentHelp},
		{Use: "exit-codes", Short: "What the exit code of a command says", Long: exitCodesHelp},
		{Use: "formatting", Short: "Forms of output and queries", Long: formattingHelp},
		{Use: "forwarding", Short: "Sending the change log to a SIEM", Long: forwardingHelp},
	}
}

const environmentHelp = `gatehouse reads:

  GATEHOUSE_DATA         data directory when --data is not given (otherwise .gatehouse)
  GATEHOUSE_GATEWAY_TOKEN  token of a gateway that runs by itself, for "gatehouse gateway"
  GATEHOUSE_MASTER_KEY   master key for secrets at rest, instead of the file master.key
                         in the data directory (32 bytes in base64)
  GATEHOUSE_TOKEN        access token for the server that --server names; "gatehouse token"
                         prints one, as does: az account get-access-token --query accessToken -o tsv
  GATEHOUSE_CA_FILE      certificate authority to trust for that server, besides the system's
  HTTPS_PROXY, NO_PROXY  the way to that server, to SIEM webhooks and to checkpoints at https://…
  SSL_CERT_FILE          the system's certificates, where they are not in their usual place
  TMPDIR                 where a server puts a report together

"gatehouse env" prints, for the server over the data directory:

  GATEHOUSE_ARM, GATEHOUSE_AUTHORITY, GATEHOUSE_GRAPH, GATEHOUSE_IMDS   where it listens
  GATEHOUSE_GATEWAY                                      where it serves APIs
  GATEHOUSE_CA_FILE                                      the certificate authority to trust
  TENANT_ID, SUBSCRIPTION_ID, CLIENT_ID, CLIENT_SECRET   the bootstrap service principal
  AZURE_*                                                the same for the Azure SDKs
  ARM_*                                                  the same for Terraform
  SSL_CERT_FILE, REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS trust, for Go, Python and Node
  IDENTITY_ENDPOINT, IDENTITY_HEADER, MSI_ENDPOINT       managed identity

"gatehouse az" sets AZURE_CONFIG_DIR and what az needs to reach the server; the programs that
are started (az, git for checkpoints) read their own variables besides.

A flag wins over a variable.`

const exitCodesHelp = `  0  it worked, or the answer is yes
  1  it failed, or the answer is no
  2  the command was written wrongly
  3  what was asked for does not exist
  4  not signed in, or the token has ended
  5  forbidden
  6  no server answers
  7  something else changed or holds it (conflict, precondition)

"gatehouse az" ends with the code of az. Results go to standard output; messages, hints
and progress to standard error.`

const formattingHelp = `-o FORM chooses how a result is printed:

  table   for people: titles, dashes, one line each (the default on a terminal)
  json    everything, indented by two blanks (the default in a pipe)
  yaml    the same as YAML
  tsv     values between tabs, for cut and read: True, False and None as az writes them
  none    nothing; the exit code says it all

jsonc and yamlc are taken too; nothing is coloured.

--query takes a JMESPath query over the JSON form, as in az. Table and tsv keep the
order in which a query names its columns:

  gatehouse audit list --query "[?kind=='refused'].{When:time,Who:who,What:cause.action}" -o table
  gatehouse audit list --query "[0].seq" -o tsv`

// finish gives all commands the same manners: a fault in what was typed ends with
// exit code 2, and words that are nearly right are suggested.
func finish(root *cobra.Command) {
	root.SetFlagErrorFunc(flagError)
	root.InitDefaultCompletionCmd()
	root.SetHelpCommand(helpCommand())
	walk(root, func(c *cobra.Command) {
		if c.RunE == nil && c.HasSubCommands() {
			c.Args, c.RunE = cobra.ArbitraryArgs, oneOfMine
			return
		}
		if args := c.Args; args != nil {
			c.Args = func(c *cobra.Command, given []string) error {
				switch err := args(c, given); {
				case err == nil:
					return nil
				case len(given) == 0:
					return usagef("%s lacks an argument: write %q", c.CommandPath(), c.UseLine())
				}
				return usagef("%s cannot be called with %q: write %q", c.CommandPath(), strings.Join(given, " "), c.UseLine())
			}
		}
	})
	root.Flags().SortFlags = false
}

func walk(c *cobra.Command, f func(*cobra.Command)) {
	for _, child := range c.Commands() {
		walk(child, f)
	}
	f(c)
}

// oneOfMine runs when a group of commands is called without one that it has.
func oneOfMine(c *cobra.Command, args []string) error {
	if len(args) == 0 && !c.HasParent() {
		return c.Help()
	}
	names := commandNames(c)
	if len(args) == 0 {
		return usagef("%s needs one of its commands: %s", c.CommandPath(), strings.Join(names, ", "))
	}
	return usagef("%s has no command %q.%s See \"%s --help\"", c.CommandPath(), args[0], didYouMean(args[0], names), c.CommandPath())
}

func commandNames(c *cobra.Command) (names []string) {
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return names
}

// helpCommand is "gatehouse help [COMMAND...]".
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND or TOPIC]", Short: "Help about a command or topic", Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return helpWords(c.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			about := c.Root()
			for _, word := range args {
				next := slices.IndexFunc(about.Commands(), func(c *cobra.Command) bool { return c.Name() == word || c.HasAlias(word) })
				if next < 0 {
					return usagef("there is no help on %q.%s See \"gatehouse help\"", strings.Join(args, " "), didYouMean(word, helpWords(about)))
				}
				about = about.Commands()[next]
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

func helpWords(c *cobra.Command) (words []string) {
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() || child.IsAdditionalHelpTopicCommand() {
			words = append(words, child.Name())
		}
	}
	return words
}

// flagError adds the flag that was probably meant to what the parser says.
func flagError(c *cobra.Command, err error) error {
	hint := ""
	if unknown, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		hint = didYouMean("--"+unknown, names)
	}
	return usagef("%w.%s See \"%s --help\"", err, hint, c.CommandPath())
}

// notOneOf says that a flag was given a word that it does not take.
func notOneOf(flag, word string, words ...string) error {
	return usagef("%s takes %s; it is %q.%s", flag, oneOf(words), word, didYouMean(word, words))
}

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// completeWith completes a flag with fixed words.
func completeWith(c *cobra.Command, flag string, words ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(fmt.Sprint("a flag that does not exist: ", flag))
	}
}

// didYouMean is " Did you mean X?" when a word of words is near to what was typed, else "".
func didYouMean(typed string, words []string) string {
	best, least := "", 1+max(1, len(typed)/3)
	for _, w := range words {
		if d := distance(strings.ToLower(typed), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// distance counts the letters to add, drop, change or swap with their neighbour to get from a to b.
func distance(a, b string) int {
	before, last, row := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}
