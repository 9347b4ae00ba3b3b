// Command sdks writes the SDKs of a Pulumi package, as the language hosts of Pulumi's own releases do it.
//
//	sdks SCHEMA.json OUT_DIR
//
// OUT_DIR gets a folder for each language: python/, nodejs/ and go/. Those that are there are replaced. The generators
// are those of Pulumi's pkg module at the version that go.mod names; no language host and no plugin is needed.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

const tool = "the Pulumi SDK generator"

var generators = map[string]func(*schema.Package) (map[string][]byte, error){
	"python": func(pkg *schema.Package) (map[string][]byte, error) {
		files, err := python.GeneratePackage(tool, pkg, nil, nil)
		if _, found := files["README.md"]; err == nil && !found {
			// pyproject.toml names it, and setuptools does not build without it.
			files["README.md"] = []byte(pkg.Description + "\n")
		}
		return files, err
	},
	"nodejs": func(pkg *schema.Package) (map[string][]byte, error) {
		return nodejs.GeneratePackage(tool, pkg, nil, nil, false, nil)
	},
	"go": func(pkg *schema.Package) (map[string][]byte, error) {
		return gogen.GeneratePackage(tool, pkg, nil)
	},
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: sdks SCHEMA.json OUT_DIR"))
	}
	text, err := os.ReadFile(os.Args[1])
	fail(err)
	for language, generate := range generators {
		// Bound anew for each language, since a generator changes what it is given.
		pkg, err := bind(text)
		fail(err)
		files, err := generate(pkg)
		fail(err)
		fail(write(filepath.Join(os.Args[2], language), files))
	}
}

func bind(text []byte) (*schema.Package, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, fmt.Errorf("%s: %w", os.Args[1], err)
	}
	pkg, diagnostics, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err == nil && diagnostics.HasErrors() {
		err = fmt.Errorf("%s is no schema of a Pulumi package", os.Args[1])
		for _, diagnostic := range diagnostics {
			err = fmt.Errorf("%w\n%s", err, diagnostic.Summary)
		}
	}
	return pkg, err
}

func write(folder string, files map[string][]byte) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	for name, content := range files {
		target := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
