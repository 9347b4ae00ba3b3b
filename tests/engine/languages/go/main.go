package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		greeting := pulumi.String("world").ToStringOutput().ApplyT(func(who string) string { return "hello " + who })
		ctx.Export("greeting", greeting)
		return nil
	})
}
