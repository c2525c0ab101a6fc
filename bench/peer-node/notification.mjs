import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import amqp from "amqplib";
import nodemailer from "nodemailer";

import { service } from "./serve.mjs";
import { settings } from "./settings.mjs";

const mailer = nodemailer.createTransport({ streamTransport: true, buffer: true });
const channel = await (await amqp.connect(settings.amqp)).createChannel();
await channel.assertQueue("peer.user_created", { durable: true });
await channel.prefetch(8);
await channel.consume("peer.user_created", async (message) => {
  const { id, email, first_name } = JSON.parse(message.content);
  const { message: eml } = await mailer.sendMail({
    from: "Peer <peer@example.com>",
    to: email,
    subject: "Welcome",
    text: `Welcome, ${first_name}!`,
    html: `<p>Welcome, ${first_name}!</p>`,
  });
  await writeFile(join(settings.mailFolder, `${id}.eml`), eml);
  channel.ack(message);
});

await service(() => {});
