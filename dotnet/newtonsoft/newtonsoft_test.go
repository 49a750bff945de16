package newtonsoft_test

import (
	"errors"
	"math/rand"
	"strings"
	"testing"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
)

func message(err error) string {
	var x *dotnet.Exception
	if errors.As(err, &x) {
		return x.Message
	}
	return err.Error()
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"a":1,"b":[true,false,null],"c":{"d":"x"}}`, `{"a":1,"b":[true,false,null],"c":{"d":"x"}}`},
		{`{'a':'it''s'}`, `After parsing a value an unexpected character was encountered: '. Path 'a', line 1, position 9.`},
		{`{'a':'it"s',b:2,$c_1:3,}`, `{"a":"it\"s","b":2,"$c_1":3}`},
		{`[1,]`, `[1]`}, {`[,1]`, `[undefined,1]`}, {`[1,,2]`, `[1,undefined,2]`},
		{`[1,/*y*/2] // z`, `[1,2]`}, {`/*x*/[1]`, `/*x*/`},
		{`[1.50,1.0,1e5,-0.0,.5,5.,1E400,100000000000000000000,0x1F,010,-5,1e-7,123456789.125]`,
			`[1.5,1.0,100000.0,-0.0,0.5,5.0,"Infinity",100000000000000000000,31,8,-5,1E-07,123456789.125]`},
		{`[NaN,Infinity,-Infinity,undefined]`, `["NaN","Infinity","-Infinity",undefined]`},
		{`["2020-01-02T03:04:05Z","2020-01-02T03:04:05.1200000","2020-01-02T03:04:05+02:00","2020-01-02"]`,
			`["2020-01-02T03:04:05Z","2020-01-02T03:04:05.12","2020-01-02T01:04:05+00:00","2020-01-02"]`},
		{`["/Date(0)/","2020-02-30T00:00:00Z","2020-01-02T24:00:00Z"]`, `["1970-01-01T00:00:00Z","2020-02-30T00:00:00Z","2020-01-03T00:00:00Z"]`},
		{`{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		{`new Date(1,[2])`, `new Date(1,[2])`},
		{`["\u00e9\ud83d\ude00\ud83dx/\/<&>\u0001\u2028"]`, "[\"é😀\uFFFDx//<&>\\u0001\\u2028\"]"},
		{`"x"`, `"x"`}, {` 5 `, `5`}, {`null`, `null`},
		{`x`, `Unexpected character encountered while parsing value: x. Path '', line 0, position 0.`},
		{`{"a":x}`, `Unexpected character encountered while parsing value: x. Path 'a', line 1, position 5.`},
		{"{\n \"a\": [1,\n  }", `Unexpected character encountered while parsing value: }. Path 'a[0]', line 3, position 2.`},
		{`[1}`, `JsonToken EndObject is not valid for closing JsonType Array. Path '', line 1, position 3.`},
		{``, `Error reading JToken from JsonReader. Path '', line 0, position 0.`},
		{`{"a":1`, `Unexpected end of content while loading JObject. Path 'a', line 1, position 6.`},
		{`{"a`, `Unterminated string. Expected delimiter: ". Path '', line 1, position 3.`},
		{`{"a" 1}`, `Invalid character after parsing property name. Expected ':' but got: 1. Path '', line 1, position 5.`},
		{`{"a":1}}`, `Additional text encountered after finished reading JSON content: }. Path '', line 1, position 7.`},
		{`[truex]`, `Error parsing boolean value. Path '', line 1, position 5.`},
		{`[1a1g]`, `Unexpected character encountered while parsing number: g. Path '', line 1, position 4.`},
		{`[1.2.3]`, `Input string '1.2.3' is not a valid number. Path '', line 1, position 6.`},
		{`["\x"]`, `Bad JSON escape sequence: \x. Path '', line 1, position 4.`},
		{`{"a b":{"c":[1,2,!]}}`, `Unexpected character encountered while parsing value: !. Path '['a b'].c[1]', line 1, position 17.`},
		{strings.Repeat("[", 65), `The reader's MaxDepth of 64 has been exceeded. Path '` + strings.Repeat("[0]", 64) + `', line 1, position 65.`},
	} {
		got := ""
		if tok, err := newtonsoft.Parse(c.in, nil); err != nil {
			got = message(err)
		} else if got, err = tok.Print(false, nil); err != nil {
			t.Error(err)
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestParseAs(t *testing.T) {
	for in, want := range map[string]string{
		`[1]`: `Error reading JObject from JsonReader. Current JsonReader item is not an object: StartArray. Path '', line 1, position 1.`,
		``:    `Error reading JObject from JsonReader. Path '', line 0, position 0.`,
		`5`:   `Error reading JObject from JsonReader. Current JsonReader item is not an object: Integer. Path '', line 1, position 1.`,
	} {
		if _, err := newtonsoft.ParseObject(in, nil); err == nil || message(err) != want {
			t.Errorf("%s\n got %v\nwant %s", in, err, want)
		}
	}
}

func TestIndent(t *testing.T) {
	tok, err := newtonsoft.Parse(`{"a":[1,{"b":[]},{}],"c":null}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    },\n    {}\n  ],\n  \"c\": null\n}"
	if got, _ := tok.Print(true, nil); got != want {
		t.Errorf("got %s", got)
	}
}

func TestBudget(t *testing.T) {
	over := errors.New("over")
	left := 1 << 16
	spend := func(n int) error {
		if left -= n; left < 0 {
			return over
		}
		return nil
	}
	if _, err := newtonsoft.Parse("["+strings.Repeat("1,", 1<<16)+"1]", spend); !errors.Is(err, over) {
		t.Errorf("reading: %v", err)
	}
	left = 1 << 20
	a := newtonsoft.NewArray()
	var err error
	for err == nil {
		err = a.Add(spend, a)
	}
	if !errors.Is(err, over) {
		t.Errorf("adding to itself: %v", err)
	}
	left = 1 << 10
	if _, err := newtonsoft.NewValue(newtonsoft.String, strings.Repeat("x", 1<<11)).Print(false, spend); !errors.Is(err, over) {
		t.Errorf("printing: %v", err)
	}
}

// random builds a tree of what JSON can hold.
func random(r *rand.Rand, depth int) *newtonsoft.Token {
	kind := r.Intn(8)
	if depth == 0 {
		kind = r.Intn(6)
	}
	switch kind {
	case 0:
		return newtonsoft.NewNull()
	case 1:
		return newtonsoft.NewValue(newtonsoft.Integer, r.Int63()-r.Int63())
	case 2:
		return newtonsoft.NewValue(newtonsoft.Float, r.NormFloat64()*float64(r.Int63()))
	case 3:
		return newtonsoft.NewValue(newtonsoft.Boolean, r.Intn(2) == 0)
	case 4, 5:
		return newtonsoft.NewValue(newtonsoft.String, text(r))
	case 6:
		a := newtonsoft.NewArray()
		for range r.Intn(5) {
			_ = a.Add(nil, random(r, depth-1))
		}
		return a
	}
	o := newtonsoft.NewObject()
	for range r.Intn(20) {
		_ = o.Put(nil, text(r), random(r, depth-1))
	}
	return o
}

func text(r *rand.Rand) string {
	signs := []rune("ab \"'\\/\n\t\x01.[]{}é€😀\u2028")
	s := make([]rune, r.Intn(6))
	for i := range s {
		s[i] = signs[r.Intn(len(signs))]
	}
	return string(s)
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 2000 {
		tree := random(r, 4)
		for _, indented := range []bool{true, false} {
			text, err := tree.Print(indented, nil)
			if err != nil {
				t.Fatal(err)
			}
			again, err := newtonsoft.Parse(text, nil)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !newtonsoft.Equal(tree, again) {
				t.Fatalf("%s does not read as what was printed", text)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x",null,true]}`, `{a:'b',}`, `[1,,2]`, `new X(1)`, `/**/"2020-01-02T03:04:05Z"`, `[0x1,010,NaN]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		tok, err := newtonsoft.Parse(in, nil)
		if err != nil || tok.Type() == newtonsoft.Comment { // a comment may hold what would end it
			return
		}
		once, err := tok.Print(false, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := newtonsoft.Parse(once, nil)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", in, once, err)
		}
		if twice, _ := again.Print(false, nil); twice != once {
			t.Fatalf("%q prints as %q, then as %q", in, once, twice)
		}
	})
}
