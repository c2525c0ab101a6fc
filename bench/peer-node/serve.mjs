import { createServer } from "node:http";

import express from "express";

import { settings } from "./settings.mjs";

// An Express app with what every service has, and its server once it listens.
export const service = async (routes) => {
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json());
  app.get("/health/live", (_, response) => response.json({ status: "ok" }));
  routes(app);
  app.use((error, _request, response, _next) => {
    response.status(error.status ?? 500).json({ code: "internal", message: error.message });
  });
  const server = createServer(app);
  await new Promise((resolve) => server.listen(settings.port, "127.0.0.1", resolve));
  console.log(`listening at ${settings.port}`);
  return server;
};
