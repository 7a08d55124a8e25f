package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// setting is the value of `resource.customizations.actions.<group>_<kind>` in the settings of Argo CD.
type setting struct {
	Discovery   string `json:"discovery.lua"`
	Definitions []struct {
		Name   string `json:"name"`
		Action string `json:"action.lua"`
	} `json:"definitions"`
}

// actions runs an action on a stream of objects.
func actions(given []byte, name string, in io.Reader, out io.Writer) error {
	var known setting
	if err := yaml.UnmarshalStrict(given, &known); err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	lines := json.NewDecoder(in)
	for {
		var object unstructured.Unstructured
		var line json.RawMessage
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := object.UnmarshalJSON(line); err != nil {
			return err
		}
		changed, err := known.run(name, &object)
		if err != nil {
			return fmt.Errorf("%w, of %s", err, line)
		}
		if err := answers.Encode(changed); err != nil {
			return err
		}
	}
}

// run returns the object after the action, or nil if the discovery script disables the action.
func (known setting) run(name string, object *unstructured.Unstructured) (any, error) {
	state, offered, err := evaluate(known.Discovery, object)
	if err != nil {
		return nil, fmt.Errorf("the discovery script: %w", err)
	}
	defer state.Close()
	action, ok := offered.RawGetString(name).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the discovery script offers no %s", name)
	}
	if lua.LVAsBool(action.RawGetString("disabled")) {
		return nil, nil
	}
	for _, definition := range known.Definitions {
		if definition.Name == name {
			state, changed, err := evaluate(definition.Action, object, clock)
			if err != nil {
				return nil, fmt.Errorf("the action: %w", err)
			}
			defer state.Close()
			return plain(changed, object.Object), nil
		}
	}
	return nil, fmt.Errorf("no action %s", name)
}

// clock opens the `os` library of Argo CD: only time and date.
func clock(state *lua.LState) int {
	lua.OpenOs(state)
	opened := state.CheckTable(-1)
	for _, name := range []string{
		"clock", "difftime", "execute", "exit", "getenv", "remove", "rename", "setenv", "setlocale", "tmpname",
	} {
		opened.RawSetString(name, lua.LNil)
	}
	return 1
}

// plain converts a value of Lua to JSON. An empty table may be a list or an object: it is what it was before.
func plain(from lua.LValue, before any) any {
	switch from := from.(type) {
	case *lua.LTable:
		if from.Len() > 0 {
			return list(from, before)
		}
		if _, wasList := before.([]any); wasList {
			return []any{}
		}
		fields, _ := before.(map[string]any)
		object := map[string]any{}
		from.ForEach(func(key, inner lua.LValue) { object[key.String()] = plain(inner, fields[key.String()]) })
		return object
	case lua.LString:
		return string(from)
	case lua.LBool:
		return bool(from)
	case lua.LNumber:
		return float64(from)
	default:
		return nil
	}
}

func list(from *lua.LTable, before any) []any {
	items, _ := before.([]any)
	var all []any
	from.ForEach(func(_, inner lua.LValue) {
		var item any
		if len(all) < len(items) {
			item = items[len(all)]
		}
		all = append(all, plain(inner, item))
	})
	return all
}
