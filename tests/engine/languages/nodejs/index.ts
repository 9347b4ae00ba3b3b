import * as pulumi from "@pulumi/pulumi";

export const greeting: pulumi.Output<string> = pulumi.output("world").apply((who) => `hello ${who}`);
