package agents

import "testing"

// TestNames: an agent is called what nobody else is: logs say "agent for user".
func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{"orders-bot": true, "Bot 7": true, "former": true, "bot for ada@contoso.example": false, "": false, " x": false, "x\ny": false, "é": false} {
		q := request{Agent: name, Actions: []string{"Gatehouse.Gateway/*"}, Scopes: []string{"/"}}
		if _, err := q.check(); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
