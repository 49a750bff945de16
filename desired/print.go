package desired

import (
	"fmt"
	"io"
	"strings"

	"gatehouse"
)

// shown is how many lines of a kind are printed without expand.
const shown = 6

// Print writes the plan for people, in the manner of Terraform.
func (p *Plan) Print(w io.Writer, expand bool) error {
	b := &strings.Builder{}
	if !p.Different() {
		b.WriteString("No differences: access is as declared.\n")
		p.adopted(b)
		_, err := io.WriteString(w, b.String())
		return err
	}
	if len(p.Steps) > 0 {
		b.WriteString("What is to be done, in this order:  + create  ~ change  - delete\n\n")
		for i := range p.Steps {
			p.Steps[i].print(b)
		}
	}
	for i, title := range p.Unmanaged {
		if i == 0 {
			b.WriteString("\nNot declared, and left alone:\n")
		}
		printf(b, "  ! %s\n", title)
	}
	p.adopted(b)
	p.effects(b, expand)
	for _, at := range p.Lockouts {
		printf(b, "\n  ! you could no longer grant anything at %s: it is not applied without --force\n", at)
	}
	printf(b, "\n%s\n", p.Summary())
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Plan) adopted(b *strings.Builder) {
	for i, text := range p.Adopted {
		if i == 0 {
			b.WriteString("\nAdopted, and not made anew:\n")
		}
		printf(b, "  = %s\n", text)
	}
}

var signs = map[string]string{"create": "+", "update": "~", "delete": "-"}

func (s *Step) print(b *strings.Builder) {
	printf(b, "  %s %s\n", signs[s.Do], s.Title)
	width := 0
	for _, f := range s.Fields {
		width = max(width, len(f.Name))
	}
	for _, f := range s.Fields {
		switch {
		case f.Old == "":
			printf(b, "      + %-*s  %q\n", width, f.Name, f.New)
		case f.New == "":
			printf(b, "      - %-*s  %q\n", width, f.Name, f.Old)
		default:
			printf(b, "      ~ %-*s  %q -> %q\n", width, f.Name, f.Old, f.New)
		}
	}
}

func (p *Plan) effects(b *strings.Builder, expand bool) {
	if len(p.Effects) == 0 {
		b.WriteString("\nAccess: nobody gains or loses anything.\n")
		return
	}
	b.WriteString("\nWhat it means for people:  + gained  - lost\n")
	for i := range p.Effects {
		e := &p.Effects[i]
		through := e.through()
		printf(b, "  %s at %s%s\n", some(e.Who, expand), e.Scope, through)
		rights(b, "+", e.Gains, expand, through == "")
		rights(b, "-", e.Losses, expand, through == "")
	}
}

// through is what all rights of an effect come from, when it is one thing.
func (e *Effect) through() string {
	all := append(append([]Right{}, e.Gains...), e.Losses...)
	for _, r := range all {
		if r.Through != all[0].Through || r.Through == "" {
			return ""
		}
	}
	return ", through " + all[0].Through
}

func some(who []string, expand bool) string {
	if len(who) <= shown || expand {
		return strings.Join(who, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(who[:shown-1], ", "), len(who)-shown+1)
}

func rights(b *strings.Builder, sign string, list []Right, expand, through bool) {
	width := 0
	for _, r := range list {
		width = max(width, len(r.Action))
	}
	for i, r := range list {
		if i == shown && !expand {
			printf(b, "      %s and %d more (show them with --expand)\n", sign, len(list)-i)
			return
		}
		if !through || r.Through == "" {
			printf(b, "      %s %s\n", sign, r.Action)
			continue
		}
		printf(b, "      %s %-*s  through %s\n", sign, min(width, 70), r.Action, r.Through)
	}
}

// Summary is the last line of a plan.
func (p *Plan) Summary() string {
	count := map[string]int{}
	for _, s := range p.Steps {
		count[s.Do]++
	}
	gain, lose := map[string]bool{}, map[string]bool{}
	for _, e := range p.Effects {
		for _, who := range e.Who {
			if len(e.Gains) > 0 {
				gain[who] = true
			}
			if len(e.Losses) > 0 {
				lose[who] = true
			}
		}
	}
	text := fmt.Sprintf("Plan: %d to create, %d to change, %d to delete.", count["create"], count["update"], count["delete"])
	if len(p.Unmanaged) > 0 {
		text += fmt.Sprintf(" %d not declared.", len(p.Unmanaged))
	}
	return text + fmt.Sprintf(" Access: %s, %s.", verb(len(gain), "gains", "gain"), verb(len(lose), "loses", "lose"))
}

func verb(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// printf writes what files say so that a terminal only shows it.
func printf(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, gatehouse.Plainly(args...)...)
}
