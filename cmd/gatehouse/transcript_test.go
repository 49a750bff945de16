package main

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptTranscript runs what a page shows: "transcript PAGE LINE [UNTIL]" looks in docs/PAGE for
// blocks with lines "$ gatehouse ..." below that line and before the next heading, or the line UNTIL, runs each and compares what it
// prints, errors included, with the lines that follow. IDs, times and hashes are made equal
// as by mask; a line "..." stands for any lines, and … within one for any text. With
// -update the page is rewritten.
func scriptTranscript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: transcript PAGE LINE [UNTIL]")
	}
	page := ts.ReadFile(ts.Getenv("DOCS") + "/" + args[0])
	_, section, found := strings.Cut("\n"+page, "\n"+args[1]+"\n")
	if !found {
		ts.Fatalf("%s has no line %q", args[0], args[1])
	}
	section, _, _ = strings.Cut(section, "\n##")
	if len(args) > 2 {
		section, _, _ = strings.Cut(section, "\n"+args[2]+"\n")
	}
	last, ran := "0", 0
	for _, block := range fenced.FindAllStringSubmatch(section, -1) {
		for _, step := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			got := last + "\n"
			if command != "echo $?" {
				if !strings.HasPrefix(command, "gatehouse ") {
					continue
				}
				ran++
				if got, last = transcriptRun(ts, command); strings.Contains(got, "\x1b") {
					ts.Fatalf("%s: colours:\n%s", command, got)
				}
			}
			wants := func(s string) *regexp.Regexp {
				return shown(strings.ReplaceAll(s, "$SUBSCRIPTION_ID", ts.Getenv("SUBSCRIPTION_ID")))
			}
			if wants(want).MatchString(strings.TrimSpace(got)) {
				continue
			}
			if updating() {
				page = strings.Replace(page, want, renewed(want, got, wants), 1)
				ts.Check(os.WriteFile(ts.Getenv("DOCS")+"/"+args[0], []byte(page), 0o644))
			} else {
				ts.Fatalf("docs/%s: $ %s\nis not as it is shown. It prints:\n%s", args[0], command, got)
			}
		}
	}
	if ran == 0 {
		ts.Fatalf("docs/%s shows no command below %q", args[0], args[1])
	}
}

// renewed is what is printed now, but for the lines that still are as they were shown.
func renewed(want, got string, wants func(string) *regexp.Regexp) string {
	old, now := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range now {
		if i < len(old) && wants(old[i]).MatchString(strings.TrimSpace(now[i])) {
			now[i] = old[i]
		}
	}
	return strings.Join(now, "\n")
}

var fenced = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")

// transcriptRun runs a command as a person would at a terminal: tables, and both kinds of output.
func transcriptRun(ts *testscript.TestScript, command string) (printed, code string) {
	line := command
	for _, verb := range []string{"can-i ", "who-can ", "what-can ", "explain ", "access diff ", "history ", "undo "} {
		if strings.HasPrefix(command, "gatehouse "+verb) && !strings.Contains(command, " -o ") {
			line += " -o table"
		}
	}
	code = "0"
	if err := ts.Exec("sh", "-c", line); err != nil {
		code = "1"
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = regexp.MustCompile(`\d+$`).FindString(exit.Error())
		}
	}
	printed = ts.ReadFile("stdout") + ts.ReadFile("stderr")
	return masked(strings.ReplaceAll(printed, ts.Getenv("WORK"), "")), code
}

// digest is the beginning of a key or hash, which is another one each time.
var digest = regexp.MustCompile(`[0-9A-Za-z]{8,12}…`)

// shown is what a page shows, as a pattern.
func shown(want string) *regexp.Regexp {
	text := regexp.QuoteMeta(strings.TrimSpace(masked(want)))
	text = digest.ReplaceAllString(text, "…")
	text = strings.ReplaceAll(text, "…", ".*")
	text = regexp.MustCompile(`(?m)^\\\.\\\.\\\.$`).ReplaceAllString(text, `(?s:.*)`)
	return regexp.MustCompile(`^` + text + `$`)
}
