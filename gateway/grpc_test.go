package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway/config"
)

// echoes is a gRPC service: Once answers with what it gets, Talk does so until the client has ended.
var echoes = grpc.ServiceDesc{ServiceName: "test.Echo", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Once", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var in wrapperspb.StringValue
		if err := decode(&in); err != nil {
			return nil, err
		}
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-head", "h"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "t"))
		if in.Value == "fail" {
			return nil, status.Error(codes.NotFound, "none of that: é")
		}
		return wrapperspb.String("echo " + in.Value), nil
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Talk", ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
		for {
			var in wrapperspb.StringValue
			switch err := s.RecvMsg(&in); {
			case errors.Is(err, io.EOF):
				s.SetTrailer(metadata.Pairs("x-tail", "t"))
				return status.Error(codes.Aborted, "that was all")
			case err != nil:
				return err
			}
			if err := s.SendMsg(wrapperspb.String("echo " + in.Value)); err != nil {
				return err
			}
		}
	}}}}

func newGRPC(t *testing.T, more ...config.Entity) *grpc.ClientConn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&echoes, nil)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	api := newAPI("g", "", "http://"+l.Addr().String(), func(a *config.API) { a.Type = "grpc" })
	s := newSite(t, append([]config.Entity{api}, more...)...)
	c, err := grpc.NewClient("passthrough:///"+front(t, s), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("contoso.azure-api.net"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestGRPC: messages go both ways as they come, and the status in the trailers arrives.
func TestGRPC(t *testing.T) {
	c := newGRPC(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out wrapperspb.StringValue
	var head, tail metadata.MD
	if err := c.Invoke(ctx, "/test.Echo/Once", wrapperspb.String("a"), &out, grpc.Header(&head), grpc.Trailer(&tail)); err != nil || out.Value != "echo a" || head.Get("x-head")[0] != "h" || tail.Get("x-tail")[0] != "t" {
		t.Fatal(err, &out, head, tail)
	}
	err := c.Invoke(ctx, "/test.Echo/Once", wrapperspb.String("fail"), &out, grpc.Trailer(&tail))
	if s, _ := status.FromError(err); s.Code() != codes.NotFound || s.Message() != "none of that: é" || tail.Get("x-tail")[0] != "t" {
		t.Error(err, tail)
	}
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Talk")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two", strings.Repeat("three", 100_000)} { // each answer comes before the next question is sent
		if err := stream.SendMsg(wrapperspb.String(text)); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(&out); err != nil || out.Value != "echo "+text {
			t.Fatal(err, len(out.Value))
		}
	}
	_ = stream.CloseSend()
	if err := stream.RecvMsg(&out); status.Code(err) != codes.Aborted || len(stream.Trailer().Get("x-tail")) != 1 {
		t.Error(err, stream.Trailer())
	}
}

// TestGRPCRefused: a refusal of the gateway is an error of the call, and a client that goes ends the backend's stream.
func TestGRPCRefused(t *testing.T) {
	c := newGRPC(t, newPolicy("/apis/g", `<inbound><base /><check-header name="X-Let-In" failed-check-httpcode="401" failed-check-error-message="no" ignore-case="true"><value>yes</value></check-header></inbound><backend><base /></backend><outbound><base /></outbound>`))
	var out wrapperspb.StringValue
	if err := c.Invoke(t.Context(), "/test.Echo/Once", wrapperspb.String("a"), &out); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-let-in", "yes")
	if err := c.Invoke(ctx, "/test.Echo/Once", wrapperspb.String("a"), &out); err != nil || out.Value != "echo a" {
		t.Error(err)
	}
}
