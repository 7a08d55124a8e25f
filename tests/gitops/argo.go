package main

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// health is the health that Argo CD computes for an object.
type health struct{ Status, Message string }

// known are the health states of Argo CD. Argo CD treats any other as Unknown.
var known = map[string]bool{
	"Healthy": true, "Progressing": true, "Degraded": true, "Suspended": true, "Missing": true, "Unknown": true,
}

// argo returns the health as Argo CD computes it. An object that is being deleted is Progressing, with this message. For
// any other object it runs the script, with the object as the global `obj`. If the script fails or returns an invalid
// state, argo returns an error; Argo CD would show Unknown.
func argo(script string, object *unstructured.Unstructured) (health, error) {
	if object.GetDeletionTimestamp() != nil {
		return health{"Progressing", "Pending deletion"}, nil
	}
	said, err := ask(script, object)
	if err != nil {
		return health{}, fmt.Errorf("the health script: %w", err)
	}
	if !known[said.Status] {
		return health{}, fmt.Errorf("the health script answers %q", said.Status)
	}
	return said, nil
}

// ask runs a health script.
func ask(script string, object *unstructured.Unstructured) (health, error) {
	state, answer, err := evaluate(script, object)
	if err != nil {
		return health{}, err
	}
	defer state.Close()
	return health{text(answer, "status"), text(answer, "message")}, nil
}

// evaluate runs a script with the limits of Argo CD: one second, and only the libraries base, package and table, and an
// `os` library with the clock, which a deterministic script must not use. The caller closes the state.
func evaluate(script string, object *unstructured.Unstructured, more ...lua.LGFunction) (*lua.LState, *lua.LTable, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		if err := load(state, name, open); err != nil {
			return nil, nil, err
		}
	}
	for _, open := range more {
		if err := load(state, lua.OsLibName, open); err != nil {
			return nil, nil, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(script); err != nil {
		state.Close()
		return nil, nil, err
	}
	answer, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		defer state.Close()
		return nil, nil, fmt.Errorf("it returns %s, not a table", state.Get(-1).Type())
	}
	return state, answer, nil
}

func load(state *lua.LState, name string, open lua.LGFunction) error {
	return state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name))
}

// text returns a field if it is a string, else the empty string.
func text(table *lua.LTable, field string) string {
	found, _ := table.RawGetString(field).(lua.LString)
	return string(found)
}

// value converts a JSON value to Lua. A null becomes nil, which equals an absent field.
func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, inner := range from {
			table.RawSetString(key, value(state, inner))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, inner := range from {
			table.Append(value(state, inner))
		}
		return table
	case string:
		return lua.LString(from)
	case bool:
		return lua.LBool(from)
	case int64:
		return lua.LNumber(from)
	case float64:
		return lua.LNumber(from)
	default:
		return lua.LNil
	}
}
