// Where the parts are. The bench passes all of it; nothing has a default that could be somebody's.

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
};

export const settings = {
  port: Number(need("PORT")),
  mongo: need("MONGO_URL"),
  amqp: need("AMQP_URL"),
  s3: { endpoint: need("S3_ENDPOINT"), bucket: need("S3_BUCKET"), key: need("S3_KEY"), secret: need("S3_SECRET") },
  jwtSecret: need("JWT_SECRET"),
  mailFolder: need("MAIL_FOLDER"),
};
