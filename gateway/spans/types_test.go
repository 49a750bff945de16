package spans

import (
	sdk "go.opentelemetry.io/otel/sdk/trace"
	common "go.opentelemetry.io/proto/otlp/common/v1"
)

type (
	keyValue = common.KeyValue
	readOnly = sdk.ReadOnlySpan
)
