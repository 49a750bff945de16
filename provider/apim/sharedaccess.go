package apim

import "time"

// longestAccess is how long a shared access token may live (apim-control-plane.md 1.9).
const longestAccess = 30 * 24 * time.Hour

// accessExpiry reads the expiry of a token request: later than now, at most 30 days ahead.
func accessExpiry(member, text string, now time.Time) (time.Time, error) {
	expiry, err := parseMoment(text)
	switch {
	case text == "":
		return time.Time{}, validation(member, "%s is required", member)
	case err != nil:
		return time.Time{}, validation(member, "%s has to be a date and time such as 2026-01-31T12:00:00Z", member)
	case !expiry.After(now):
		return time.Time{}, validation(member, "%s has to be in the future", member)
	case expiry.After(now.Add(longestAccess)):
		return time.Time{}, validation(member, "%s may be at most 30 days ahead", member)
	}
	return expiry, nil
}

// parseMoment takes the spellings of a moment that clients send; without a zone it is UTC.
func parseMoment(text string) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", "2006-01-02T15:04", "2006-01-02"} {
		if t, err = time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}
