package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
	"pulumi-huaweicloud-vod/sdk/go/vod"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		talk, err := vod.NewExtractedAudio(ctx, "talk", &vod.ExtractedAudioArgs{
			AssetId: pulumi.String(config.New(ctx, "").Require("videoId")),
			Title:   pulumi.String("The talk, to listen to"),
		})
		if err != nil {
			return err
		}
		ctx.Export("audioId", talk.AudioAssetId)
		ctx.Export("url", talk.Url)
		return nil
	})
}
