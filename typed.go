package main

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/posener/complete"
	"github.com/willabides/kongplete"
)

// The word of a default subcommand may be left out: "backup FILE" is "backup create FILE". --help, the manual and the completion show so.

// notNeeded are the fields of cli that a command line does not need: the commands that it does not name. To describe all of them takes longer than most
// commands do. The whole is needed to help, to describe or to complete a command line, and to tell which settings exist.
func notNeeded(args []string) (fields []string) {
	if len(args) == 0 || slices.Contains([]string{"man", "config"}, args[0]) || configPath(args) != "" || os.Getenv("COMP_LINE") != "" ||
		slices.ContainsFunc(os.Environ(), isSetting) {
		return nil
	}
	named := false
	for f := range reflect.TypeFor[cli]().Fields() {
		if _, ok := f.Tag.Lookup("cmd"); !ok {
			continue
		}
		if cmp.Or(f.Tag.Get("name"), strings.ToLower(f.Name)) == args[0] {
			named = true
			continue
		}
		fields = append(fields, `^cli\.`+f.Name+`$`)
	}
	if !named {
		return nil
	}
	return fields
}

// typedName returns the words of a command as they are typed, with a word that may be left out in brackets: "backup [create]".
func typedName(node *kong.Node) string {
	name := node.Name
	if isDefault(node) {
		name = "[" + name + "]"
	}
	if node.Parent == nil || node.Parent.Type == kong.ApplicationNode {
		return name
	}
	return typedName(node.Parent) + " " + name
}

// isDefault reports whether the word of a subcommand may be left out.
func isDefault(node *kong.Node) bool { return node.Parent != nil && node.Parent.DefaultCmd == node }

// printHelp is the help of kong, with commands as they are typed. The program ends after it: it changes the model.
func printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	short := map[*kong.Node]*kong.Node{} // what a command does without the word of a subcommand
	_ = kong.Visit(ctx.Model, func(v kong.Visitable, next kong.Next) error {
		if node, ok := v.(*kong.Node); ok && node.DefaultCmd != nil {
			both := *node.DefaultCmd
			both.Name, both.Help = "", node.Help
			short[node] = &both
			node.DefaultCmd.Name = "[" + node.DefaultCmd.Name + "]"
		}
		return next(nil)
	})
	group := ctx.Selected()
	both := short[group]
	if both == nil {
		return kong.DefaultHelpPrinter(o, ctx)
	}
	if _, err := fmt.Fprintf(ctx.Stdout, "Usage: %s %s\n       %[1]s %[3]s <command> [flags]\n", ctx.Model.Name, both.Summary(), group.Path()); err != nil {
		return err
	}
	o.NoAppSummary = true
	both.Children = group.Children
	ctx.Path = append(ctx.Path, &kong.Path{Command: both})
	return kong.DefaultHelpPrinter(o, ctx)
}

// completeLine answers a shell that completes a line, and ends the program then.
func completeLine(parser *kong.Kong) {
	command, err := kongplete.Command(parser)
	if err != nil {
		panic(err) // the command line's own description is wrong
	}
	completeDefaults(parser.Model.Node, &command)
	c := complete.New(parser.Model.Name, command)
	if c.Out = parser.Stdout; c.Complete() {
		parser.Exit(exitDone)
	}
}

// completeDefaults makes a command offer what its default subcommand takes.
func completeDefaults(node *kong.Node, command *complete.Command) {
	for _, child := range node.Children {
		if sub, ok := command.Sub[child.Name]; ok {
			completeDefaults(child, &sub)
			command.Sub[child.Name] = sub
		}
	}
	if node.DefaultCmd != nil {
		sub := command.Sub[node.DefaultCmd.Name]
		command.Flags, command.Args = sub.GlobalFlags, sub.Args
	}
}
