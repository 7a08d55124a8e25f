package main

import (
	"encoding/json"
	"io"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema reads a JSON document and checks it by the JSON schema in a file. References to other files fail.
func schema(file string, input io.Reader) error {
	compiled, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		return err
	}
	var document any
	decoder := json.NewDecoder(input)
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	return compiled.Validate(document)
}
