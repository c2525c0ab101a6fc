import amqp from "amqplib";
import bcrypt from "bcryptjs";
import mongoose from "mongoose";

import { User } from "./models.mjs";
import { service } from "./serve.mjs";
import { settings } from "./settings.mjs";
import { sign, signedIn } from "./tokens.mjs";

const COST = 10;

await mongoose.connect(settings.mongo);
await User.init();
const channel = await (await amqp.connect(settings.amqp)).createChannel();
await channel.assertQueue("peer.user_created", { durable: true });

const account = (user) => ({
  id: String(user._id),
  email: user.email,
  first_name: user.fullname.firstName,
  last_name: user.fullname.lastName,
  role: user.role,
});

const session = (user) => ({ access_token: sign(user), token_type: "Bearer", account: account(user) });

const signUp = (role) => async (request, response) => {
  const { email, password, first_name, last_name, artist_name } = request.body;
  if (await User.findOne({ email })) return response.status(409).json({ code: "email_taken" });
  const user = await User.create({
    fullname: { firstName: first_name, lastName: last_name },
    email,
    password: await bcrypt.hash(password, COST),
    role,
    artistName: artist_name,
  });
  channel.sendToQueue("peer.user_created", Buffer.from(JSON.stringify(account(user))), { persistent: true });
  response.status(201).json(session(user));
};

const logIn = (role) => async (request, response) => {
  const { email, password } = request.body;
  const user = await User.findOne({ email }).select("+password");
  if (!user || user.role !== role || !(await bcrypt.compare(password, user.password))) {
    return response.status(401).json({ code: "invalid_credentials" });
  }
  response.json(session(user));
};

await service((app) => {
  app.post("/v1/auth/users/signup", signUp("user"));
  app.post("/v1/auth/artists/signup", signUp("artist"));
  app.post("/v1/auth/users/login", logIn("user"));
  app.post("/v1/auth/artists/login", logIn("artist"));
  app.get("/v1/me", signedIn, async (request, response) => {
    response.json(account(await User.findById(request.caller.sub)));
  });
});
