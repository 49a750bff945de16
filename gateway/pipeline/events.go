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
