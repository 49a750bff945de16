package expr

// The syntax tree. Every node knows where it begins in the code.

type node interface{ at() int }

type pos int

func (p pos) at() int { return int(p) }

// names are what the parser notes of a function, so that the binder knows which locals a lambda captures.
type names struct {
	used, declared map[string]bool
	captured       map[string]bool // used in a function inside, and not declared there
}

func newNames() *names {
	return &names{used: map[string]bool{}, declared: map[string]bool{}, captured: map[string]bool{}}
}

type typeNode struct {
	pos
	keyword  string // of a predefined type, or var
	parts    []namePart
	nullable bool
	ranks    []int // of arrays, outermost first; the number of commas
}

type namePart struct {
	pos
	name string
	args []*typeNode
}

// Expressions.
type (
	literal struct {
		pos
		value Value
		typ   *Type
	}
	nameExpr struct {
		pos
		name string
		args []*typeNode
	}
	typeExpr struct { // int.Parse
		pos
		typ *typeNode
	}
	memberExpr struct {
		pos
		x       node
		name    string
		namePos int
		args    []*typeNode
	}
	condAccess struct { // x?.rest
		pos
		x, rest node
		hole    *holeExpr
	}
	holeExpr struct { // what rest of a condAccess is applied to
		pos
		value operand
	}
	callExpr struct {
		pos
		fn   node
		args []argument
	}
	indexExpr struct {
		pos
		x    node
		args []argument
	}
	argument struct {
		pos
		name    string
		mode    string // "", out, ref
		x       node
		declare *typeNode // out T name
		local   string
	}
	newExpr struct {
		pos
		typ  *typeNode
		args []argument
		init *initializer
	}
	newArray struct {
		pos
		elem *typeNode // nil for new[] {..}
		size []node
		init *initializer
	}
	initializer struct {
		pos
		items []initItem
	}
	initItem struct {
		pos
		name   string     // of a member that is set
		index  []argument // of an element that is set
		args   []node     // of Add; or the one value
		nested *initializer
	}
	anonExpr struct {
		pos
		names  []string
		values []node
	}
	unaryExpr struct {
		pos
		op string
		x  node
	}
	stepExpr struct { // ++ and --
		pos
		op     string
		prefix bool
		x      node
	}
	castExpr struct {
		pos
		typ *typeNode
		x   node
	}
	binaryExpr struct {
		pos
		op   string
		l, r node
	}
	isExpr struct {
		pos
		x     node
		typ   *typeNode
		local string
		value node // of a constant pattern
	}
	asExpr struct {
		pos
		x   node
		typ *typeNode
	}
	ternary struct {
		pos
		cond, yes, no node
	}
	assignExpr struct {
		pos
		op   string
		l, r node
	}
	lambdaExpr struct {
		pos
		params []param
		body   node // an expression, or
		block  *block
		names  *names
	}
	param struct {
		pos
		name string
		typ  *typeNode
		def  node
		rest bool // params
	}
	defaultExpr struct {
		pos
		typ *typeNode
	}
	interpExpr struct {
		pos
		parts []interpPart
	}
	interpPart struct {
		text   string
		x      node
		align  node
		format string
	}
	nameofExpr struct {
		pos
		x node
	}
	checkedExpr struct {
		pos
		checked bool
		x       node
	}
	throwExpr struct {
		pos
		x node
	}
	parenExpr struct {
		pos
		x node
	}
)

// Statements.
type (
	block struct {
		pos
		list []node
		end  int
	}
	declStmt struct {
		pos
		constant bool
		typ      *typeNode
		vars     []declarator
	}
	declarator struct {
		pos
		name  string
		init  node // nil for none
		array *initializer
	}
	exprStmt struct {
		pos
		x node
	}
	ifStmt struct {
		pos
		cond      node
		then, alt node
	}
	whileStmt struct {
		pos
		cond node
		body node
	}
	doStmt struct {
		pos
		body node
		cond node
	}
	forStmt struct {
		pos
		init []node
		cond node
		post []node
		body node
	}
	foreachStmt struct {
		pos
		typ  *typeNode
		name string
		x    node
		body node
	}
	switchStmt struct {
		pos
		x        node
		sections []switchSection
	}
	switchSection struct {
		pos
		labels []switchLabel
		body   []node
	}
	switchLabel struct {
		pos
		isDefault bool
		value     node // a constant
		typ       *typeNode
		local     string
		when      node
	}
	jumpStmt struct { // break, continue
		pos
		word string
	}
	returnStmt struct {
		pos
		x node
	}
	throwStmt struct {
		pos
		x node
	}
	tryStmt struct {
		pos
		body    *block
		catches []catchClause
		finally *block
	}
	catchClause struct {
		pos
		typ   *typeNode
		local string
		when  node
		body  *block
	}
	usingStmt struct {
		pos
		decl *declStmt
		x    node
		body node
	}
	checkedStmt struct {
		pos
		checked bool
		body    *block
	}
	localFunc struct {
		pos
		result *typeNode // nil for void
		name   string
		fn     *lambdaExpr
	}
	emptyStmt struct{ pos }
)
