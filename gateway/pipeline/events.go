package pipeline

import (
	"gatehouse/policy"
)

// Event is a message that a policy sends to a logger.
type Event struct {
	Logger       string // id of the logger
	PartitionID  string
	PartitionKey string
	Message      []byte
}

// maxEvent is where messages are cut (gateway.md 16).
const maxEvent = 200 << 10

// logToEventHub is log-to-eventhub. It is never on the path of a call: what the queue does not take is dropped and counted.
type logToEventHub struct {
	logger, partition string
	key, message      Text
}

func compileLogToEventHub(k *Compiler, e *policy.Element) Step {
	return &logToEventHub{logger: k.Literal(e, "logger-id"), partition: k.Literal(e, "partition-id"), key: k.Text(e, "partition-key"), message: k.Content(e)}
}

func (l *logToEventHub) Run(c *Call) error {
	message, err := l.message.Eval(c)
	key, err2 := l.key.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return err
	}
	if len(message) > maxEvent {
		message = message[:maxEvent]
	}
	if c.Services.Events != nil {
		c.Services.Events(c, Event{Logger: l.logger, PartitionID: l.partition, PartitionKey: key, Message: []byte(message)})
	}
	return nil
}

// unavailable are policies that need Azure's own cloud, what no library offers, or what nobody documents: they can be saved, and fail the calls
// that reach them (docs/gateway.md).
var unavailable = map[string]string{
	"cache-value":              "The policy 'cache-value' has no reference of Microsoft's and is not available: use cache-lookup-value and cache-store-value.",
	"cosmosdb-data-source":     "Resolvers over Cosmos DB are not available in this gateway.",
	"sql-data-source":          "Resolvers over Azure SQL are not available in this gateway.",
	"send-service-bus-message": "Messages to Azure Service Bus are not available in this gateway.",
	"xsl-transform":            "XSL transformations are not available in this gateway: use set-body with a Liquid template.",
}

// compileUnavailable compiles a policy that cannot be run.
func compileUnavailable(_ *Compiler, e *policy.Element) Step {
	text := unavailable[e.Name]
	return StepFunc(func(*Call) error { return failed("PolicyNotAvailable", text) })
}
