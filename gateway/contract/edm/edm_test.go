package edm

import (
	"net/url"
	"os"
	"strings"
	"testing"
)

func shop(t testing.TB) *Model {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.xml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewService(string(text)).Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ask splits "METHOD path?query" as a case writes it, with blanks and quotes as they are.
func ask(request string) (method, path, query string) {
	method, rest, _ := strings.Cut(request, " ")
	path, query, _ = strings.Cut(rest, "?")
	return method, strings.ReplaceAll(path, " ", "%20"), strings.ReplaceAll(strings.ReplaceAll(query, " ", "%20"), ";", "%3B")
}

func TestGood(t *testing.T) {
	m := shop(t)
	for _, request := range []string{
		"GET /", "GET /$metadata", "HEAD /Products", "POST /Products", "GET /Products(1)", "PATCH /Products(ID=1)", "DELETE /Products(1)", "GET /Products/", "GET /Best", "GET /Products(-1)/Name",
		"GET /Products(1)/Name/$value", "PUT /Products(1)/Name", "GET /Products/$count?$filter=Active", "GET /Products(1)/Category", "GET /Categories('it''s')/Products(2)/Category/$ref",
		"GET /Lines(Order=11111111-2222-3333-4444-555555555555,No=1)", "GET /Products(@id)?@id=3", "GET /Categories(%27a%2Fb%27)/Seat/City", "DELETE /Categories('a')/Products/$ref?$id=Products(1)",
		"GET /Products/Shop.Model.Photo", "GET /Products/Self.Photo(1)/$value", "GET /Products/Shop.Model.Photo?$filter=Width gt 3", "GET /Top(n=3)?$top=2", "GET /Top(n=@n)/$count?@n=1",
		"GET /Products(1)/Self.Price(currency='EUR')", "POST /Products/Self.Discount", "POST /Reset", "GET /Bags(1)/anything", "GET /Bags?$filter=anything eq 1",
		"GET /Products?$filter=Name eq 'a' and (ID gt 1 or not Active) and startswith(Name,'b')", "GET /Products?$filter=Category/Products/any(p:p/ID eq ID and p/Active)", "GET /Products?$filter=Tags/any(t:t eq 'x')",
		"GET /Products?$filter=ID in (1, 2,3)", "GET /Products?$filter=Color has Self.Color'Red,Blue'", "GET /Products?$filter=year(Made) eq 2026 and Made lt 2026-01-01T00:00:00Z", "GET /Products?$filter=Weight add 1.5 mul -2 ge ID",
		"GET /Products?$filter=isof(Self.Photo) or cast(ID,Edm.String) eq '1'", "GET /Products?$filter=Self.Photo/Width gt 1", "GET /Products?$filter=Tags/$count gt 1", "GET /Products?$filter=Self.Price(currency=Name) gt 3",
		"GET /Products?$filter=Category eq null", "GET /Products?$orderby=Name desc,length(Name),ID asc", "GET /Products?$select=ID,Name,Category,Self.*,Self.Price,Self.Photo/Width", "GET /Products?$select=*",
		"GET /Products?$expand=Category($select=Code,Seat/City;$expand=Products($filter=ID gt 1;$top=1;$orderby=ID;$count=true;$levels=max)),Category/$ref", "GET /Products?$expand=*", "GET /Categories?$expand=Products/Self.Photo($select=Width)",
		"GET /Categories?$expand=Products/$count($search=a)", "GET /Products?$search=red AND (blue OR NOT \"a b\") green", "GET /Products?$top=1&$skip=2&$count=true&$format=application/json%3Bodata.metadata=none", "GET /Products?$format=json&mine=1&subscription-key=2",
		"GET /Products?filter=ID eq 1&$skiptoken=abc", "GET /Products(1)/Tags?$filter=$it eq 'a'", "GET /Products?$filter=Name in @names&@names=[\"a\",\"b\"]",
	} {
		if faults := m.Check(ask(request)); faults != nil {
			t.Errorf("%s: %s: %s", request, faults[0].Rule, faults[0])
		}
	}
}

func TestBad(t *testing.T) {
	m := shop(t)
	for request, rule := range map[string]string{
		"GET /products": Unknown, "GET /Products/1": Malformed, "GET /Products(": Malformed, "GET /Products('1')": DataType, "GET /Products(null)": DataType, "GET /Products(ID=1,ID=2)": Unknown, "GET /Products()": Malformed,
		"GET /Products(1)x": Malformed, "GET /Products(1)(2)": Malformed, "GET /Products(@id)": Unknown, "GET /Products(@a)?@a=@a": Unknown, "GET /Products//Name": Malformed, "GET /Products/../Best": Malformed, "GET /Products(1)/Nothing": Unknown,
		"GET /Products(1)/Name/Length": Unknown, "GET /Products/Name": Unknown, "GET /Lines(1)": Malformed, "GET /Lines(No=1)": Malformed, "GET /Best(1)": Malformed, "GET /Products/$value": Unsuited, "GET /Products(1)/$value": Unsuited,
		"GET /Products(1)/$count": Unsuited, "GET /Products(1)/Name/$ref": Unsuited, "GET /$metadata/x": Unsuited, "GET /Products/$count/x": Unsuited, "POST /$batch": Unsupported, "GET /$all": Unsupported, "GET /$crossjoin(Products)": Unsupported,
		"GET /Products/$query": Unsupported, "GET /$count": Unsuited, "GET /Products/$metadata": Unsuited, "GET /Products/Self.Category": DataType, "GET /Products/Self.Nothing": Unknown, "GET /Top": Malformed, "GET /Top(m=1)": Unknown, "GET /Top(n=1,n=2)": Duplicate,
		"GET /Products/Self.Price(currency='EUR')": Unknown, "GET /Reset": Unsuited, "POST /Products(1)/Self.Discount": Malformed, "POST /Reset/x": Unsuited, "DELETE /Products": Unsuited, "POST /Products(1)": Unsuited, "DELETE /Best": Unsuited,
		"PATCH /Top(n=1)": Unsuited, "PUT /$metadata": Unsuited, "TRACE /Products": Unsuited, "get /Products": Unsuited, "GET /Products?$filter=": Malformed, "GET /Products?$filter=Name": DataType, "GET /Products?$filter=Nothing eq 1": Unknown,
		"GET /Products?$filter=Name eq": Malformed, "GET /Products?$filter=Name eq 'a": Malformed, "GET /Products?$filter=(Active": Malformed, "GET /Products?$filter=Active)": Malformed, "GET /Products?$filter=Name EQ 'a'": DataType,
		"GET /Products?$filter=nothing(Name)": Unknown, "GET /Products?$filter=contains(Name)": Malformed, "GET /Products?$filter=Active and Name": DataType, "GET /Products?$filter=Tags eq 'a'": DataType, "GET /Products?$filter=Tags/any(t:u eq 1)": Unknown,
		"GET /Products?$filter=Tags/all()": Malformed, "GET /Products?$filter=Color has Self.Color'Green'": Unknown, "GET /Products?$filter=$root/Best/ID eq 1": Unsupported, "GET /Products?$filter=Name/x eq 1": Unknown, "GET /Products?$filter=ID in ()": Malformed,
		"GET /Products?$filter=Name eq 'a';Active": Malformed, "GET /Products?$filter=Active;x=1": Malformed, "GET /Products?$orderby=Name up": Malformed, "GET /Products?$orderby=Tags": DataType, "GET /Products?$select=": Malformed, "GET /Products?$select=Nothing": Unknown,
		"GET /Products?$select=Category/Code": Unsuited, "GET /Products?$select=No.*": Unknown, "GET /Products?$expand=Name": Unsuited, "GET /Products?$expand=Category($top=1)": Unsuited, "GET /Products?$expand=Category($select=ID)": Unknown,
		"GET /Products?$expand=Category($select=Code;$select=Seat)": Duplicate, "GET /Products?$expand=Category(": Malformed, "GET /Products?$search=": Malformed, "GET /Products?$search=AND": Malformed, "GET /Products?$search=(a": Malformed,
		"GET /Products?$top=-1": Malformed, "GET /Products?$top=1x": Malformed, "GET /Products?$count=yes": Malformed, "GET /Products?$format=a b": Malformed, "GET /Products?$apply=aggregate(ID)": Unsupported, "GET /Products?$nothing=1": Unsupported,
		"GET /Products?$top=1&$top=2": Duplicate, "GET /Products?$top=1&%24Top=2": Duplicate, "GET /Products?top=1&$top=2": Duplicate, "GET /Products?$levels=1": Unsuited, "GET /Products(1)?$top=1": Unsuited, "POST /Products?$filter=Active": Unsuited,
		"GET /Products(1)/Name?$select=x": Unsuited, "GET /Products?@a={": Malformed, "GET /Products?a=%zz": Malformed,
		"GET /Products?$filter=" + strings.Repeat("(", 100): TooComplex, "GET /Products?$filter=" + strings.Repeat("not ", 100) + "Active": TooComplex, "GET /Products?$search=" + strings.Repeat("(", 100): TooComplex,
		"GET /Products(1)" + strings.Repeat("/Category/Products('a')", 40): DataType, "GET /Best" + strings.Repeat("/Self.Product", 70): TooComplex, "GET /Products?a=" + strings.Repeat("a", addressMost): TooComplex,
	} {
		faults := m.Check(ask(request))
		if len(faults) == 0 || faults[0].Rule != rule {
			t.Errorf("%.200s: %v, wanted %s", request, faults, rule)
		}
	}
}

func TestDocuments(t *testing.T) {
	for _, text := range []string{"", "<a/>", `<edmx:Edmx Version="4.0" xmlns:edmx="` + edmxSpace + `"/>`, `<edmx:Edmx Version="1.0" xmlns:edmx="` + edmxSpace + `"/>`} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// TestCycle: types that derive from each other end.
func TestCycle(t *testing.T) {
	m, err := Parse(`<e:Edmx Version="4.0" xmlns:e="` + edmxSpace + `"><e:DataServices><Schema Namespace="N" xmlns="` + edmSpace + `"><EntityType Name="A" BaseType="N.B"/><EntityType Name="B" BaseType="N.A"/>` +
		`<EntityContainer Name="C"><EntitySet Name="As" EntityType="N.A"/><EntitySet Name="Xs" EntityType="N.X"/></EntityContainer></Schema></e:DataServices></e:Edmx>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"As(1)", "As()", "As/N.B/x", "Xs"} {
		if m.Check("GET", path, "") == nil {
			t.Errorf("%s passes", path)
		}
	}
}

func FuzzCheck(f *testing.F) {
	m := shop(f)
	f.Add("Products(1)", "Category/Products/any(p:p/ID eq 1)", "Category($select=Code;$expand=Products)")
	f.Add("Top(n=1)", "cast(ID,Edm.String) in ('a')", "*($levels=2)")
	f.Fuzz(func(_ *testing.T, path, filter, expand string) {
		m.Check("GET", path, "")
		m.Check("GET", "Products", url.Values{"$filter": {filter}, "$expand": {expand}, "$search": {filter}, "$select": {expand}, "$orderby": {filter}}.Encode())
	})
}
