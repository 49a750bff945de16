package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// CheckpointsFile is where checkpoints are in a git repository.
const CheckpointsFile = "checkpoints.jsonl"

// Destination takes checkpoints out of the house: a file, git:DIR, or an https address.
type Destination struct {
	text string
	send func(context.Context, Checkpoint) error
}

// ParseDestination reads FILE, git:DIR, or https://… (http for this machine only).
func ParseDestination(text string) (Destination, error) {
	d := Destination{text: text}
	switch scheme, rest, _ := strings.Cut(text, ":"); scheme {
	case "git":
		if info, err := os.Stat(filepath.Join(rest, ".git")); err != nil || !info.IsDir() {
			return d, fmt.Errorf("%q is not a git repository: make it with \"git init %s\"", rest, rest)
		}
		d.send = func(ctx context.Context, c Checkpoint) error { return commit(ctx, rest, c) }
	case "https", "http":
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return d, fmt.Errorf("%q is not an address", text)
		}
		if host := u.Hostname(); scheme == "http" && host != "localhost" && host != "127.0.0.1" && host != "::1" {
			return d, fmt.Errorf("%q is plain http, which anybody between can change: use https", text)
		}
		d.send = func(ctx context.Context, c Checkpoint) error { return post(ctx, text, c) }
	default:
		if text == "" {
			return d, errors.New("name where checkpoints go: a file, git:DIR or https://…")
		}
		d.send = func(_ context.Context, c Checkpoint) error { return appendLine(text, c) }
	}
	return d, nil
}

// String is the destination as it was written.
func (d Destination) String() string { return d.text }

// Publish sends a checkpoint; without an error it is there to stay.
func (d Destination) Publish(ctx context.Context, c Checkpoint) error {
	if err := d.send(ctx, c); err != nil {
		return fmt.Errorf("the checkpoint of change %d did not get to %s: %w", c.Seq, d.text, err)
	}
	return nil
}

func appendLine(file string, c Checkpoint) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(c.Line(), '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// commit adds the checkpoint to the repository, and pushes when it has an upstream.
func commit(ctx context.Context, dir string, c Checkpoint) error {
	if err := appendLine(filepath.Join(dir, CheckpointsFile), c); err != nil {
		return err
	}
	if err := git(ctx, dir, "add", "--", CheckpointsFile); err != nil {
		return err
	}
	who := []string{"-c", "user.name=Gatehouse", "-c", "user.email=gatehouse@localhost"}
	if err := git(ctx, dir, append(who, "commit", "-q", "-m", fmt.Sprintf("checkpoint of change %d", c.Seq), "--", CheckpointsFile)...); err != nil {
		return err
	}
	if git(ctx, dir, "rev-parse", "--abbrev-ref", "@{upstream}") != nil {
		return nil
	}
	return git(ctx, dir, "push", "-q")
}

func git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

func post(ctx context.Context, to string, c Checkpoint) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(append(c.Line(), '\n')))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // the answer says nothing more than its status
	if resp.StatusCode >= 300 {
		return fmt.Errorf("it was answered with %s", resp.Status)
	}
	return nil
}
