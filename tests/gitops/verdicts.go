package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// verdict is the result of both tools for one object.
type verdict struct {
	Kstatus string `json:"kstatus"`
	// Reason is the message of kstatus.
	Reason string `json:"reason"`
	Health string `json:"health"`
	// Message is the message of the script.
	Message string `json:"message"`
}

// verdicts evaluates a stream of objects.
func verdicts(script string, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	lines := json.NewDecoder(in)
	for {
		var line json.RawMessage
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		said, err := judge(script, line)
		if err != nil {
			return fmt.Errorf("%w, of %s", err, line)
		}
		if err := answers.Encode(said); err != nil {
			return err
		}
	}
}

func judge(script string, line []byte) (verdict, error) {
	// The decoder of the API machinery converts whole numbers to int64, which both libraries rely on.
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(line); err != nil {
		return verdict{}, err
	}
	result, err := status.Compute(&object)
	if err != nil {
		return verdict{}, err
	}
	said, err := argo(script, &object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{result.Status.String(), result.Message, said.Status, said.Message}, nil
}
