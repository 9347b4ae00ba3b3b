import * as pulumi from "@pulumi/pulumi";
import * as vod from "pulumi-huaweicloud-vod";

const talk = new vod.ExtractedAudio("talk", {
    assetId: new pulumi.Config().require("videoId"),
    title: "The talk, to listen to",
});

export const audioId = talk.audioAssetId;
export const url = talk.url;
