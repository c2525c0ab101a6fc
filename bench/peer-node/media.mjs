import { randomUUID } from "node:crypto";

import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

import { settings } from "./settings.mjs";

const { endpoint, bucket: Bucket, key: accessKeyId, secret: secretAccessKey } = settings.s3;

const client = new S3Client({
  endpoint,
  forcePathStyle: true,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey },
});

// Stores the bytes under a new key, and returns it.
export const store = async (folder, { buffer, mimetype }) => {
  const Key = `${folder}/${randomUUID()}`;
  await client.send(new PutObjectCommand({ Bucket, Key, Body: buffer, ContentType: mimetype }));
  return Key;
};

export const signedUrl = (Key) =>
  Key ? getSignedUrl(client, new GetObjectCommand({ Bucket, Key }), { expiresIn: 3600 }) : null;
