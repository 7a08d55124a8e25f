// Command gitops-verdicts says what GitOps tools make of objects: kstatus (Flux, kpt, helm --wait) by its own
// library, and Argo CD's health by running the shipped script in the Lua interpreter that Argo CD embeds.
//
//	gitops-verdicts SCRIPT < objects.jsonl > verdicts.jsonl
//
// One JSON object a line in, one verdict a line out, in the same order. A script that fails is an error, as it
// would be in Argo CD.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// A verdict on one object.
type verdict struct {
	Kstatus string `json:"kstatus"`
	Health  string `json:"health"`
	Message string `json:"message"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-verdicts:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: gitops-verdicts SCRIPT < objects.jsonl")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var object map[string]any
		if err := in.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		said, err := judge(string(script), object)
		if err != nil {
			return err
		}
		if err := out.Encode(said); err != nil {
			return err
		}
	}
}

func judge(script string, object map[string]any) (verdict, error) {
	result, err := status.Compute(&unstructured.Unstructured{Object: integers(object).(map[string]any)})
	if err != nil {
		return verdict{}, err
	}
	health, message, err := argo(script, object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{Kstatus: result.Status.String(), Health: health, Message: message}, nil
}

// integers makes int64 of whole numbers, as the API machinery's decoder does.
func integers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			value[key] = integers(inner)
		}
	case []any:
		for index, inner := range value {
			value[index] = integers(inner)
		}
	case float64:
		if whole := int64(value); float64(whole) == value {
			return whole
		}
	}
	return value
}

// argo runs the script the way Argo CD does: the object is the global `obj`, the health is what the script returns.
func argo(script string, object map[string]any) (string, string, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenString} {
		state.Push(state.NewFunction(open))
		state.Call(0, 0)
	}
	state.SetGlobal("obj", table(state, object))
	if err := state.DoString(script); err != nil {
		return "", "", fmt.Errorf("the health script: %w", err)
	}
	health, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", errors.New("the health script returns no table")
	}
	return health.RawGetString("status").String(), health.RawGetString("message").String(), nil
}

func table(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		made := state.NewTable()
		for key, inner := range value {
			made.RawSetString(key, table(state, inner))
		}
		return made
	case []any:
		made := state.NewTable()
		for _, inner := range value {
			made.Append(table(state, inner))
		}
		return made
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	default:
		return lua.LNil
	}
}
