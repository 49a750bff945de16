// Command gatehouse is the whole product: the server and the commands that ask and
// look after it. Wiring is by hand, in app.go; each subcommand is a file.
//
// Exit codes: 0 success or yes; 1 failed, or no for questions; 2 usage; 3 not found;
// 4 not signed in; 5 forbidden; 6 server unreachable; 7 conflict.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"gatehouse"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := command().ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errNo) && !errors.As(err, new(*exec.ExitError)) && !errors.As(err, new(differences)) { // a program that was run for the user has said what it had to say
		fmt.Fprintln(os.Stderr, "ERROR:", printed(sentence(err)))
	}
	os.Exit(exitCode(err))
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use: "gatehouse", Short: "Access to APIs, exactly as granted: API Management with Azure's role-based access control",
		Long: `Gatehouse is a self-hosted API Management with Azure's role-based access control.
Real az, Terraform and Azure SDKs work against it; see "gatehouse help serve" to start one.`,
		SilenceErrors: true, SilenceUsage: true, DisableFlagsInUseLine: true,
	}
	root.AddCommand(serveCommand(), gatewayCommand(), envCommand(), azCommand(), tokenCommand(), auditCommand(), lintCommand(), needsCommand(), backupCommand(), restoreCommand(), rotateKeysCommand(), versionCommand(),
		explainCommand(), canICommand(), whoCanCommand(), whatCanCommand())
	root.AddCommand(planCommand(), applyCommand(), reportCommand())
	root.AddCommand(historyCommand(), accessCommand(), undoCommand())
	root.AddCommand(topics()...)
	root.AddCommand(checkCommand(), exportCommand(), importCommand())
	root.AddCommand(proxyCommand(), replayCommand())
	finish(root)
	return root
}

// usageError is a call that was written wrongly: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(err error) error { return usageError{err} }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// unreachable is a server that does not answer: exit code 6.
type unreachable struct{ error }

func (e unreachable) Unwrap() error { return e.error }

var kindCodes = map[gatehouse.Kind]int{
	gatehouse.NotFound: 3, gatehouse.Unauthenticated: 4, gatehouse.Forbidden: 5, gatehouse.Conflict: 7, gatehouse.Precondition: 7,
}

func exitCode(err error) int {
	var child *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &child):
		return child.ExitCode()
	case errors.As(err, new(usageError)), errors.As(err, new(differences)):
		return 2
	case errors.As(err, new(unreachable)):
		return 6
	}
	if code, ok := kindCodes[gatehouse.KindOf(err)]; ok {
		return code
	}
	return 1
}

// sentence shows people the message of an error, without codes that only wires need.
func sentence(err error) string {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
