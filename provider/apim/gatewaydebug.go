package apim

import (
	"net/http"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/gateway/config"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// debugKeyType is the document that keeps the key of a gateway's debug credentials. It is
// apart from the gateway, whose entity tag they do not touch, and the gateway of the
// service has no other. Nobody reads it but this file.
const debugKeyType = serviceType + "/gateways/debugKeys"

// longestDebugging is how long debug credentials live, and the most that may be asked for.
const longestDebugging = time.Hour

// debuggedGateway is the gateway that an action addresses: one that exists, or the one
// of the service itself under the name "managed".
func debuggedGateway(op *arm.Op, r store.Reader) (gatehouse.ID, error) {
	if strings.EqualFold(op.ID.Name(), managedGateway) {
		return op.ID, op.Exists(r, op.ID.Parent())
	}
	gateway, err := op.ExistingIn(r)
	if err != nil {
		return gatehouse.ID{}, err
	}
	return gateway.ID, nil
}

// listDebugCredentials answers a token that makes a gateway trace requests to one API, for an hour at most.
func listDebugCredentials(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	life, err := debugLife(body)
	if err != nil {
		return nil, err
	}
	if body.String("apiId") == "" {
		return nil, validation("apiId", "apiId is required")
	}
	var token string
	err = op.Write(nil, func(tx *store.Tx) error {
		gateway, err := debuggedGateway(op, tx)
		if err != nil {
			return err
		}
		wanted := object("apiId", body.String("apiId"))
		if err := reference(op, tx, op.ID, wanted, "apiId", "apis"); err != nil {
			return err
		}
		key, err := hiddenKey(op, tx, debugKeyID(gateway), debugKeyType)
		if err != nil {
			return err
		}
		token = config.DebugToken(lastPart(wanted.String("apiId")), key, op.Now.Add(life))
		return tx.Note(gatehouse.Event, "debug credentials were made for the API "+wanted.String("apiId"))
	})
	if err != nil {
		return nil, err
	}
	return arm.OK(object("token", token)), nil
}

// debugLife checks purposes, of which there is one, and reads how long credentials shall last.
func debugLife(body *jsondoc.Object) (time.Duration, error) {
	purposes := body.Array("purposes")
	for _, v := range purposes {
		if s, _ := v.(string); !strings.EqualFold(s, "tracing") {
			return 0, validation("purposes", "purposes may hold only tracing")
		}
	}
	if len(purposes) == 0 {
		return 0, validation("purposes", "purposes is required: [\"tracing\"]")
	}
	text := body.String("credentialsExpireAfter")
	if text == "" {
		return longestDebugging, nil
	}
	life, ok := timeSpan(text)
	if !ok || life <= 0 || life > longestDebugging {
		return 0, validation("credentialsExpireAfter", "credentialsExpireAfter has to be an ISO 8601 duration of at most PT1H")
	}
	return life, nil
}

func debugKeyID(gateway gatehouse.ID) gatehouse.ID { return gateway.Child("debugKeys", "current") }

// hiddenKey returns a key that the server keeps for itself, making it when there is
// none. Its document is below the entity that it serves, and goes with it.
func hiddenKey(op *arm.Op, tx *store.Tx, id gatehouse.ID, typeName string) (string, error) {
	r, err := op.Load(tx, id)
	if err == nil {
		return r.SecretString("key"), nil
	}
	if gatehouse.KindOf(err) != gatehouse.NotFound {
		return "", err
	}
	r = &arm.Resource{ID: id, Type: typeName, Body: object()}
	r.SetSecret("key", newLongKey())
	return r.SecretString("key"), op.Save(tx, r)
}

// invalidateDebugCredentials makes every token that was given out worthless by dropping the key.
func invalidateDebugCredentials(op *arm.Op) (*arm.Answer, error) {
	err := op.Write(nil, func(tx *store.Tx) error {
		gateway, err := debuggedGateway(op, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Delete(debugKeyID(gateway).Scope()); err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &arm.Answer{Status: http.StatusNoContent}, nil
}

// listTrace answers what a gateway collected about a request; without a traceId about
// the last one, which is empty when there was none.
func (p *provider) listTrace(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	gateway, err := debuggedGateway(op, op.Store())
	if err != nil {
		return nil, err
	}
	asked := body.String("traceId")
	kept := p.traces.Get(gateway.String(), asked)
	switch {
	case kept == nil && asked == "":
		return arm.OK(object()), nil
	case kept == nil:
		return nil, notFound("Trace")
	}
	found, err := jsondoc.ParseObjectWith(kept, jsondoc.Options{Variants: true})
	if err != nil {
		return nil, err
	}
	if err := op.Record("a trace was read"); err != nil {
		return nil, err
	}
	return arm.OK(found), nil
}
